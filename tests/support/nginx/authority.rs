//! A certificate authority that nobody knows, and a certificate of it for a server.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The authority's certificate, for who is to trust it.
pub(super) const CERTIFICATE: &str = "authority.pem";
/// The server's certificate.
pub(super) const CHAIN: &str = "server.pem";
/// A visitor's certificate.
pub(super) const VISITOR: &str = "visitor.pem";
/// A visitor's key.
pub(super) const VISITOR_KEY: &str = "visitor.key";
/// The server's key.
pub(super) const KEY: &str = "server.key";

/// Puts all three files into a folder.
pub(super) fn certify(names: &[&str], folder: &Path) {
    let (certificate, issuer) = authority();
    let key = KeyPair::generate().expect("a key");
    let names: Vec<_> = names.iter().copied().map(String::from).collect();
    let mut params = CertificateParams::new(names).expect("valid names");
    params
        .distinguished_name
        .push(DnType::CommonName, "A server of the tests");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let server = params.signed_by(&key, &issuer).expect("a certificate");
    let (visitor, visitor_key) = visitor(&issuer);
    for (name, pem) in [
        (VISITOR, visitor),
        (VISITOR_KEY, visitor_key),
        (CERTIFICATE, certificate),
        (CHAIN, server.pem()),
        (KEY, key.serialize_pem()),
    ] {
        fs::write(folder.join(name), pem).expect("a file of the test");
    }
}

fn visitor(issuer: &Issuer<'static, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "A visitor of the tests");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "An authority of the tests");
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), Issuer::new(params, key))
}
