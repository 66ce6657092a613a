//! TLS as `sslmode` means it, by rustls: no look at the certificate, its issuer only, or issuer and host name.
//!
//! Stricter than libpq in one point: a host name is looked for in the certificate's subject alternative names alone,
//! never in its common name.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};

use super::{
    dsn::{Roots, SslMode, Target},
    error::chain,
};
use crate::grants::secret::{Readers, load};

/// The settings for this target's `sslmode`, `sslrootcert`, `sslcert` and `sslkey`. Reads files; the error names the
/// one at fault.
pub(super) fn client_config(target: &Target) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = match (target.sslmode, &target.roots) {
        (SslMode::VerifyCa | SslMode::VerifyFull, Some(roots)) => {
            let certificates = load_roots(roots)?;
            let mut store = RootCertStore::empty();
            let (usable, _) = store.add_parsable_certificates(certificates.iter().cloned());
            if usable == 0 {
                return Err(format!("{roots} holds no usable certificate"));
            }
            Trust::Issuer { store, certificates, check_name: target.sslmode == SslMode::VerifyFull }
        }
        _ => Trust::Anybody,
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider }));
    identify(builder, target)
}

/// Adds the client certificate, if one is configured.
fn identify(
    builder: rustls::ConfigBuilder<ClientConfig, WantsClientCert>,
    target: &Target,
) -> Result<ClientConfig, String> {
    let Some((certificate, key)) = &target.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate, "sslcert")?;
    let pem = load(&format!("sslkey {}", key.display()), key, Readers::OwnerOrRootsGroup)
        .map_err(|error| error.to_string())?;
    let private = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| format!("sslkey {} holds no usable private key: {error}", key.display()))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|error| format!("sslcert {} and sslkey {}: {error}", certificate.display(), key.display()))
}

fn load_roots(roots: &Roots) -> Result<Vec<CertificateDer<'static>>, String> {
    match roots {
        Roots::File(path) => certificates(path, "sslrootcert"),
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            match (found.certs.is_empty(), found.errors.first()) {
                (true, Some(error)) => Err(format!("the system's certificates cannot be read: {}", chain(error))),
                _ => Ok(found.certs),
            }
        }
    }
}

fn certificates(path: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let error = |error| format!("cannot read {key} {}: {error}", path.display());
    CertificateDer::pem_file_iter(path).map_err(error)?.collect::<Result<_, _>>().map_err(error)
}

impl std::fmt::Display for Roots {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System => out.write_str("the system's certificate store"),
            Self::File(path) => write!(out, "sslrootcert {}", path.display()),
        }
    }
}

/// What the server's certificate has to prove.
#[derive(Debug)]
enum Trust {
    Anybody,
    Issuer { store: RootCertStore, certificates: Vec<CertificateDer<'static>>, check_name: bool },
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::Issuer { store, certificates, check_name } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&certificate, store, intermediates, now, algorithms) {
            Ok(()) => {}
            // `openssl req -x509` makes a certificate that is its own authority, and operators hand that very file out
            // as sslrootcert. webpki wants two certificates; its complaint comes after the check of the dates.
            Err(error) if is_own_authority(&error) && certificates.contains(end_entity) => {}
            Err(error) => return Err(error),
        }
        if *check_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_own_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    // rustls passes webpki's error on without a public type: its name is all there is.
    other.to_string().contains("CaUsedAsEndEntity")
}
