//! TLS for capabilities other than `postgres`: the server's certificate is always verified, against the system's roots or the operator's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

use super::secret::{Readers, load};

/// What agent.toml says about one server's TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificates to trust; the system's when none.
    pub roots: Option<PathBuf>,
    /// Our own certificate chain and private key, PEM files.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// The settings. Reads files; the error names the one at fault.
    pub fn client_config(&self) -> Result<ClientConfig, String> {
        let mut store = RootCertStore::empty();
        let (usable, _) = store.add_parsable_certificates(self.roots()?);
        if usable == 0 {
            let place = self.roots.as_ref().map_or("the system's store".to_owned(), |path| path.display().to_string());
            return Err(format!("{place} holds no usable root certificate"));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(store);
        let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let pem = load(&format!("the private key {}", key.display()), key, Readers::OwnerOrRootsGroup)
            .map_err(|error| error.to_string())?;
        let private = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|error| format!("{} holds no usable private key: {error}", key.display()))?;
        builder
            .with_client_auth_cert(certificates(certificate)?, private)
            .map_err(|error| format!("{} and {}: {error}", certificate.display(), key.display()))
    }

    fn roots(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        if let Some(path) = &self.roots {
            return certificates(path);
        }
        let found = rustls_native_certs::load_native_certs();
        match (found.certs.is_empty(), found.errors.first()) {
            (true, Some(error)) => Err(format!("the system's root certificates cannot be read: {error}")),
            _ => Ok(found.certs),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let error = |error| format!("cannot read the certificates in {}: {error}", path.display());
    CertificateDer::pem_file_iter(path).map_err(error)?.collect::<Result<_, _>>().map_err(error)
}
