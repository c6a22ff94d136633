//! Numbered messages. Every byte of a payload follows from its source, its number and its length.

/// The size of the numbers at the beginning.
const HEAD: usize = 12;

/// A message of a source: a session of the client, or a connection of the server.
pub(crate) fn payload(source: u64, number: u32, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + size);
    bytes.extend(source.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend((0..size).map(|index| filler(number, index)));
    bytes
}

/// The number of a message of this source. Otherwise, what is wrong with it.
pub(crate) fn number(source: u64, bytes: &[u8]) -> Result<u32, String> {
    let (Some(from), Some(number)) = (bytes.first_chunk(), bytes.get(8..HEAD)) else {
        return Err(format!("{}-bytes", bytes.len()));
    };
    let from = u64::from_be_bytes(*from);
    let number = u32::from_be_bytes(number.try_into().expect("four bytes"));
    if from != source {
        return Err(format!("{number}-of-{from}"));
    }
    let mut rest = bytes[HEAD..].iter().enumerate();
    match rest.find(|(index, byte)| **byte != filler(number, *index)) {
        Some((index, _)) => Err(format!("{number}-at-byte-{index}")),
        None => Ok(number),
    }
}

fn filler(number: u32, index: usize) -> u8 {
    (number as usize).wrapping_add(index) as u8
}
