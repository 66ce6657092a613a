//! Compressed segments: which compression a file has, how a server fetches it, and what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::on_path;

/// How archive commands compress: what the file's name ends with, and the program that writes it out plain.
const COMPRESSIONS: [(&str, &str); 5] =
    [("gz", "gzip"), ("zst", "zstd"), ("lz4", "lz4"), ("bz2", "bzip2"), ("xz", "xz")];
/// A compression that some file of an archive has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Compression {
    pub(super) ending: &'static str,
    pub(super) program: &'static str,
}

impl Compression {
    /// A file's name without the ending of its compression.
    pub(super) fn of(name: &str) -> (&str, Option<Self>) {
        let found = COMPRESSIONS.iter().find_map(|(ending, program)| {
            let stem = name.strip_suffix(ending)?.strip_suffix('.')?;
            Some((stem, Some(Self { ending, program })))
        });
        found.unwrap_or((name, None))
    }

    /// The program that has to be there.
    pub(crate) fn program(self) -> &'static str {
        self.program
    }
}

/// For the server's shell: fetches a segment from such an archive.
pub(super) fn restore_command(archive: &Path, compressions: &[Compression]) -> String {
    // % is restore_command's own sign, ' the shell's.
    let place = archive.display().to_string().replace('%', "%%").replace('\'', "'\\''");
    let compressed =
        compressions.iter().map(|one| format!(" || {} -dc '{place}'/%f.{} > \"%p\"", one.program, one.ending));
    format!("cp '{place}'/%f \"%p\"{}", compressed.collect::<String>())
}

/// The same, which fails for what does not come to a whole segment: the server takes that for the end of WAL, and gives up over a short file.
pub(super) fn proof_command(archive: &Path, compressions: &[Compression], segment_bytes: u64) -> String {
    let fetch = restore_command(archive, compressions);
    format!("{{ {fetch}; }} && case %f in *.history) ;; *) test \"$(wc -c < \"%p\")\" -eq {segment_bytes};; esac")
}

/// A directory that is removed when this is dropped.
pub(super) struct Place(pub(super) PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A directory with a compressed segment in it, plain; `None` for a plain one, or if it cannot be had.
pub(super) fn unpacked(name: &str, compression: Option<Compression>, archive: &Path) -> Option<Place> {
    let ending = compression?.ending;
    let text = plain(&archive.join(format!("{name}.{ending}")), compression).ok()?;
    let place = std::env::temp_dir().join(format!("pgreeve-wal-{}-{name}", std::process::id()));
    fs::create_dir(&place).ok()?;
    let place = Place(place);
    fs::write(place.0.join(name), text).ok().map(|()| place)
}

/// What is in a file, without its compression.
pub(super) fn plain(path: &Path, compression: Option<Compression>) -> io::Result<Vec<u8>> {
    let Some(compression) = compression else { return fs::read(path) };
    let program = on_path(compression.program)
        .ok_or_else(|| io::Error::other(format!("{} is not installed", compression.program)))?;
    let output = Command::new(program).arg("-dc").arg(path).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Compression, restore_command};

    #[test]
    fn an_archive_of_any_name_is_one_word_of_the_shell() {
        assert_eq!(restore_command(Path::new("/srv/wal archive"), &[]), "cp '/srv/wal archive'/%f \"%p\"");
        assert_eq!(restore_command(Path::new("/srv/100%/it's"), &[]), "cp '/srv/100%%/it'\\''s'/%f \"%p\"");
        let zstd = Compression { ending: "zst", program: "zstd" };
        assert_eq!(restore_command(Path::new("/w"), &[zstd]), "cp '/w'/%f \"%p\" || zstd -dc '/w'/%f.zst > \"%p\"");
    }
}
