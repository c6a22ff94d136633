//! TLS with a private authority and a certificate of the client, and a token that expires. After a
//! refusal with 401 the next attempt uses a new token.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use websocket_heartbeat_examples::tls_server;
use websocket_heartbeat_smol::{
    Attempt, Constant, Dialer, Event, Request, SmolTimer, Supervisor, Tls, dial, tls::Roots,
    transport_fn,
};

/// An authority for certificates. A real one keeps its key elsewhere.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new() -> Result<Self, rcgen::Error> {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate()?);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// Issues a certificate. Returns it and its key, as PEM texts.
    fn issue(&self, name: &str) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new([name.to_owned()])?.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

/// The service that issues tokens. Only the last token is valid.
#[derive(Default)]
struct Tokens {
    last: AtomicU32,
}

impl Tokens {
    /// A real one makes a request over the network.
    async fn issue(&self) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        println!("  token {number} is issued");
        format!("token-{number}")
    }

    fn is_valid(&self, authorization: &str) -> bool {
        authorization == format!("Bearer token-{}", self.last.load(Ordering::Relaxed))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (authority, tokens) = (Authority::new()?, Arc::new(Tokens::default()));
    let (certificate, key) = authority.issue("127.0.0.1")?;
    let checked = Arc::clone(&tokens);
    let server = tls_server((&certificate, &key), &authority.certificate, move |authorization| {
        checked.is_valid(authorization)
    })?;
    let url = format!("wss://{}/", server.address());

    // Without `Roots::None`, the public authorities are trusted, too.
    let trust = Tls::builder().roots(Roots::None).authorities_pem(&authority.certificate)?;
    let (certificate, key) = authority.issue("client-1.example")?;
    let tls = trust.client_certificate_pem(certificate, key)?.build()?;
    smol::block_on(async {
        let dialer = Dialer::new().tls(tls);
        let source = Arc::clone(&tokens);
        let token = Arc::new(smol::lock::Mutex::new(None));
        // The function is called for each attempt. It asks for a token at the first attempt, and
        // whenever the server has refused the last token.
        let transport = transport_fn(move |attempt: Attempt| {
            let (dialer, url) = (dialer.clone(), url.clone());
            let (token, source) = (Arc::clone(&token), Arc::clone(&source));
            async move {
                let mut token = token.lock().await;
                if attempt.refresh || token.is_none() {
                    *token = Some(source.issue().await);
                }
                let authorization = format!("Bearer {}", token.as_deref().unwrap_or_default());
                let request = Request::new(&url)?.header("Authorization", authorization)?;
                dial(&request, &dialer).await
            }
        });
        let mut session = Supervisor::builder(transport, SmolTimer::new())
            .backoff(Constant::new(Duration::from_millis(100)))
            .build()?;
        let handle = session.handle();
        let (mut echoed, mut refused) = (0, 0);
        while let Some(event) = session.next().await {
            match event {
                Event::Open(open) => {
                    println!("open, connection {}", open.connection);
                    handle.try_queue("hello")?;
                }
                Event::Message(message) => {
                    println!("echoed: {}", message.as_text().unwrap_or_default());
                    echoed += 1;
                    if echoed == 2 {
                        handle.close();
                        continue;
                    }
                    println!("another program takes a token, and the connection ends");
                    tokens.issue().await;
                    server.cut();
                }
                Event::Lost(lost) => {
                    println!("lost: {}", lost.cause);
                    let error = lost.cause.transport_error();
                    refused += u32::from(error.and_then(|e| e.http_status()) == Some(401));
                }
                Event::Closed(closed) => println!("{}", closed.reason),
                _ => {}
            }
        }
        match (echoed, refused) {
            (2, 1) => Ok(()),
            _ => Err(format!("{echoed} echoes, {refused} refusals").into()),
        }
    })
}
