//! A proxy: [`Proxy`].

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use data_encoding::BASE64;

/// A proxy that speaks HTTP, with the method CONNECT (RFC 9110 section 9.3.6), and SOCKS5 (RFC 1928).
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
}

/// A user and a password.
type Credentials = (&'static str, &'static str);

impl Proxy {
    /// Starts a proxy on a free port.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start() -> io::Result<Self> {
        Self::start_with(None)
    }

    /// Starts a proxy on a free port that demands a user and a password.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn with_password(user: &'static str, password: &'static str) -> io::Result<Self> {
        Self::start_with(Some((user, password)))
    }

    fn start_with(credentials: Option<Credentials>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // An error means that one side disconnected, which ends the tunnel.
                thread::spawn(move || serve(stream, credentials).unwrap_or_default());
            }
        });
        Ok(Self { address })
    }

    /// The address of the proxy.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(client: TcpStream, credentials: Option<Credentials>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let server = match reader.fill_buf()?.first() {
        Some(5) => socks(&client, &mut reader, credentials)?,
        _ => http(&client, &mut reader, credentials)?,
    };
    tunnel(client, reader, server)
}

/// Serves the request CONNECT, and connects to the server.
fn http(
    mut client: &TcpStream,
    reader: &mut impl BufRead,
    credentials: Option<Credentials>,
) -> io::Result<TcpStream> {
    let head: Vec<String> =
        reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let wanted = credentials.map(|(user, password)| {
        let credentials = BASE64.encode(format!("{user}:{password}").as_bytes());
        format!("proxy-authorization: basic {credentials}")
    });
    if wanted.is_some_and(|wanted| !head.iter().any(|line| line.eq_ignore_ascii_case(&wanted))) {
        client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let target = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    println!("  proxy: CONNECT {target}");
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    Ok(server)
}

/// Serves SOCKS5 with an IPv4 address as target, and connects to the server.
fn socks(
    mut client: &TcpStream,
    reader: &mut impl BufRead,
    credentials: Option<Credentials>,
) -> io::Result<TcpStream> {
    // The version, and the methods that the client offers: 0 is none, 2 is a password (RFC 1929).
    let [_version, methods] = read_array(reader)?;
    read_vec(reader, methods)?;
    let method = if credentials.is_some() { 2 } else { 0 };
    client.write_all(&[5, method])?;
    if let Some((user, password)) = credentials {
        let [_version, length] = read_array(reader)?;
        let given_user = read_vec(reader, length)?;
        let [length] = read_array(reader)?;
        let is_right = (given_user, read_vec(reader, length)?)
            == (user.as_bytes().to_vec(), password.as_bytes().to_vec());
        client.write_all(&[1, u8::from(!is_right)])?;
        if !is_right {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    let [_version, command, _reserved, kind] = read_array(reader)?;
    if (command, kind) != (1, 1) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let (address, port) = (read_array::<4>(reader)?, read_array(reader)?);
    let target = SocketAddr::from((address, u16::from_be_bytes(port)));
    println!("  proxy: SOCKS5 {target}");
    let server = TcpStream::connect(target)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(server)
}

fn read_array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_vec(reader: &mut impl Read, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Copies in both directions until both sides have ended.
fn tunnel(client: TcpStream, mut reader: impl Read, mut server: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (server.try_clone()?, client);
    let back = thread::spawn(move || {
        io::copy(&mut from, &mut to)?;
        to.shutdown(Shutdown::Write)
    });
    io::copy(&mut reader, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    back.join().unwrap_or(Ok(()))
}
