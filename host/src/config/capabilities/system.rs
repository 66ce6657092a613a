//! `[system]`: where this host's servers keep their data; and the keys of TLS, which several tables have.

use std::path::PathBuf;

use super::{Named, Reading};
use crate::config::reader::{Problems, Section, note};
use crate::grants::files::Directory;
use crate::grants::system::{Place, System};
use crate::grants::tls::Tls;

/// Reads the table, which may be missing.
pub(super) fn read(section: Option<Section<'_>>, files: &Named<Directory>, problems: &mut Problems) -> System {
    let mut directories = Vec::new();
    if let Some(mut section) = section {
        for directory in section.names("data_directories", problems).unwrap_or_default() {
            let path = PathBuf::from(&directory.value);
            if !path.is_absolute() {
                let message = format!("system.data_directories: {:?} is not an absolute path", directory.value);
                note(problems, directory.span, message, "write it from / on, as SHOW data_directory does");
            }
            directories.push(path);
        }
        section.finish(problems);
    }
    let places = files.iter().filter_map(|(name, directory)| {
        let path = directory.as_ref()?.path.clone();
        Some(Place { purpose: format!("files:{name}"), path })
    });
    System::new(directories, places.collect())
}

/// `tls_roots`, `tls_certificate` and `tls_key`; none where none of them stands.
pub(super) fn tls(reading: &Reading<'_>, section: &mut Section<'_>, problems: &mut Problems) -> Option<Tls> {
    let mut path = |key| section.text(key, problems).map(|at| at.map(|path| reading.directory.join(path)));
    let (roots, certificate, key) = (path("tls_roots"), path("tls_certificate"), path("tls_key"));
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate.value, key.value)),
        (Some(lone), None) => {
            note(
                problems,
                lone.span,
                format!("[{}] has tls_certificate without tls_key", section.name),
                "add the other",
            );
            None
        }
        (None, Some(lone)) => {
            note(
                problems,
                lone.span,
                format!("[{}] has tls_key without tls_certificate", section.name),
                "add the other",
            );
            None
        }
        (None, None) => None,
    };
    (roots.is_some() || identity.is_some()).then(|| Tls { roots: roots.map(|at| at.value), identity })
}
