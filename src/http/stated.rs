//! What a server says of itself before it answers: over HTTP/2, how many requests it takes at once on a connection.
//!
//! What is beyond that waits inside the client, which tells nobody. The client hands out no frames either, and below TLS
//! they are encrypted. So the first one is read where TLS is taken off, and passed on as it came.

use std::sync::LazyLock;

use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite, Tls12CipherSuite,
    Tls13CipherSuite,
};

use super::lanes::Listener;

tokio::task_local! {
    /// Who wants to know it of the connection that is being made now.
    pub(super) static LISTENER: Option<Listener>;
}

/// Of a frame (RFC 9113 section 4.1).
const HEAD: usize = 9;
/// Longer than any that servers send: there are not a dozen settings.
const LONGEST: usize = 1024;
/// The frame with settings, its flag for an echo of ours, and the setting that counts (sections 6.5 and 6.5.2).
const SETTINGS: u8 = 4;
const ACK: u8 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// What the first bytes of a connection say.
#[derive(Debug, PartialEq, Eq)]
enum Start {
    /// Not all has come.
    Unfinished,
    /// It takes so many requests at once.
    Limit(u32),
    /// Nothing of that.
    Silent,
}

fn read(bytes: &[u8]) -> Start {
    let Some((&[a, b, c, kind, flags, stream @ ..], payload)) = bytes.split_first_chunk::<HEAD>() else {
        return Start::Unfinished;
    };
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    if kind != SETTINGS || flags & ACK != 0 || stream != [0; 4] || length > LONGEST {
        return Start::Silent;
    }
    let Some(settings) = payload.get(..length) else {
        return Start::Unfinished;
    };
    let limit = |setting: &[u8]| match *setting {
        [a, b, ref value @ ..] if u16::from_be_bytes([a, b]) == MAX_CONCURRENT_STREAMS => {
            value.try_into().ok().map(u32::from_be_bytes)
        }
        _ => None,
    };
    let said = settings.chunks_exact(6).filter_map(limit).next_back();
    said.map_or(Start::Silent, Start::Limit)
}

/// The usual one, with ciphers that read the start of what they decrypt.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.clone(),
        ..rustls::crypto::ring::default_provider()
    }
}

/// Ciphers live as long as the program, so they are made once.
static SUITES: LazyLock<Vec<SupportedCipherSuite>> = LazyLock::new(|| {
    let suites = rustls::crypto::ring::DEFAULT_CIPHER_SUITES.iter();
    suites.map(|&suite| heard(suite)).collect()
});

fn heard(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    match suite {
        SupportedCipherSuite::Tls13(suite) => SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
            common: copy(&suite.common),
            hkdf_provider: suite.hkdf_provider,
            aead_alg: Box::leak(Box::new(Heard(suite.aead_alg))),
            quic: suite.quic,
        }))),
        SupportedCipherSuite::Tls12(suite) => SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
            common: copy(&suite.common),
            prf_provider: suite.prf_provider,
            kx: suite.kx,
            sign: suite.sign,
            aead_alg: Box::leak(Box::new(Heard(suite.aead_alg))),
        }))),
    }
}

fn copy(common: &CipherSuiteCommon) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: common.suite,
        hash_provider: common.hash_provider,
        confidentiality_limit: common.confidentiality_limit,
    }
}

/// A cipher that is listened to.
struct Heard<A: ?Sized + 'static>(&'static A);

impl Tls13AeadAlgorithm for Heard<dyn Tls13AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.0.encrypter(key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Ear::at(self.0.decrypter(key, iv))
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

impl Tls12AeadAlgorithm for Heard<dyn Tls12AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        self.0.encrypter(key, iv, extra)
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Ear::at(self.0.decrypter(key, iv))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        self.0.key_block_shape()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv, explicit)
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

/// Reads what is decrypted, up to the end of the first frame.
struct Ear {
    decrypter: Box<dyn MessageDecrypter>,
    /// Nobody, once all is said.
    listener: Option<Listener>,
    /// What came so far.
    start: Vec<u8>,
}

impl Ear {
    /// Where somebody listens. Keys that are changed later are for what comes later, and nobody listens to that.
    fn at(decrypter: Box<dyn MessageDecrypter>) -> Box<dyn MessageDecrypter> {
        let Some(listener) = LISTENER.try_with(Clone::clone).ok().flatten() else {
            return decrypter;
        };
        Box::new(Self {
            decrypter,
            listener: Some(listener),
            start: Vec::new(),
        })
    }

    #[cold]
    fn hear(&mut self, bytes: &[u8]) {
        let missing = (HEAD + LONGEST).saturating_sub(self.start.len());
        self.start.extend(bytes.iter().take(missing));
        let start = read(&self.start);
        if start == Start::Unfinished {
            return;
        }
        self.start = Vec::new();
        if let (Some(listener), Start::Limit(limit)) = (self.listener.take(), start) {
            listener.takes(limit);
        }
    }
}

impl MessageDecrypter for Ear {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let plain = self.decrypter.decrypt(message, number)?;
        if self.listener.is_some() && plain.typ == ContentType::ApplicationData {
            self.hear(plain.payload);
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_says_how_many_requests_are_taken_at_once() {
        const STREAMS: &[u8] = &[0, 3, 0, 0, 0, 4];
        const WINDOW: &[u8] = &[0, 4, 0, 1, 0, 0];
        let frame = |kind, flags, stream, settings: &[&[u8]]| {
            let payload = settings.concat();
            let length = u8::try_from(payload.len()).unwrap();
            [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], &payload].concat()
        };
        for (bytes, said) in [
            (frame(4, 0, 0, &[STREAMS]), Start::Limit(4)),
            (frame(4, 0, 0, &[WINDOW, STREAMS, WINDOW]), Start::Limit(4)),
            (frame(4, 0, 0, &[&[0, 3, 0, 0, 0, 9], STREAMS]), Start::Limit(4)),
            (frame(4, 0, 0, &[&[0, 3, 255, 255, 255, 255]]), Start::Limit(u32::MAX)),
            (frame(4, 0, 0, &[WINDOW]), Start::Silent),
            (frame(4, 0, 0, &[]), Start::Silent),
            (frame(4, 1, 0, &[STREAMS]), Start::Silent),
            (frame(4, 0, 1, &[STREAMS]), Start::Silent),
            (frame(6, 0, 0, &[STREAMS]), Start::Silent),
            (b"HTTP/1.1 200 OK\r\n".to_vec(), Start::Silent),
        ] {
            assert_eq!(read(&bytes), said, "{bytes:?}");
            assert_eq!(
                read(&[&bytes[..], &frame(0, 0, 1, &[STREAMS])].concat()),
                said,
                "{bytes:?} and more"
            );
            let cut = &bytes[..bytes.len().min(HEAD) - 1];
            assert_eq!(read(cut), Start::Unfinished, "{cut:?}");
        }
        let whole = frame(4, 0, 0, &[WINDOW, STREAMS]);
        assert_eq!(read(&whole[..whole.len() - 1]), Start::Unfinished);
        assert_eq!(
            read(&[0, 255, 0, 4, 0, 0, 0, 0, 0]),
            Start::Silent,
            "nobody waits for so much"
        );
    }
}
