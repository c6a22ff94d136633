//! A hash function that is the same in all versions and on all machines of a fleet.

/// FNV-1a with 64 bits, and a final mix, since FNV alone spreads short inputs badly.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The last steps of MurmurHash3.
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// The block of a subscription, among `blocks`. It depends on the name alone, so all workers agree.
///
/// # Panics
///
/// If `blocks` is 0.
#[must_use]
pub fn block_of(subscription: &str, blocks: u32) -> u32 {
    (hash(subscription.as_bytes()) % u64::from(blocks)) as u32
}
