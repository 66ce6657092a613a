//! Whether a file of archived WAL is whole, as far as a few bytes of it tell: the page header of a plain segment, the frame of a compressed one.
//! Nothing is unpacked, so a changed byte within is not seen; a file that was cut short, emptied, filled with zeros or exchanged is.

mod ends;
mod lz4;
mod plain;
mod window;
mod zstd;

use window::{Stop, Window};

/// Endings of names that say how a file is compressed.
pub const ENDINGS: [&str; 5] = ["gz", "lz4", "zst", "bz2", "xz"];

/// What was seen of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// It begins and ends as it has to.
    Whole {
        /// Bytes that it unpacks to, where its format says so.
        unpacked: Option<u64>,
    },
    /// It does not, and why.
    Broken(&'static str),
    /// Its format, or the number of reads that were allowed, does not tell.
    Untold,
}

impl Frame {
    /// Why it cannot be a segment of this size; none: nothing speaks against it.
    pub fn wrong(self, segment_bytes: u64) -> Option<&'static str> {
        match self {
            Self::Broken(why) => Some(why),
            Self::Whole { unpacked: Some(bytes) } if bytes != segment_bytes => Some("it does not unpack to a segment"),
            _ => None,
        }
    }
}

/// Looks at a compressed file of so many bytes, with at most so many reads. `read` is given an offset and a length, and returns that much, or less at
/// the end of the file; its error is handed on.
pub fn compressed<E>(
    ending: &str,
    size: u64,
    reads: u32,
    read: impl FnMut(u64, u32) -> Result<Vec<u8>, E>,
) -> Result<Frame, E> {
    let mut window = Window::new(size, reads, read);
    let looked = match ending {
        "gz" => ends::gzip(&mut window),
        "bz2" => ends::bzip2(&mut window),
        "xz" => ends::xz(&mut window),
        "lz4" => lz4::frames(&mut window),
        "zst" => zstd::frames(&mut window),
        _ => Ok(Frame::Untold),
    };
    told(looked)
}

/// Looks at the beginning of a plain segment. `position`: the sixteen digits after the timeline in its name, as one number; `cluster`: the system
/// identifier that it has to have, where that is known.
pub fn plain<E>(
    timeline: u32,
    position: u64,
    cluster: Option<u64>,
    size: u64,
    read: impl FnMut(u64, u32) -> Result<Vec<u8>, E>,
) -> Result<Frame, E> {
    told(plain::segment(&mut Window::new(size, 1, read), timeline, position, cluster))
}

fn told<E>(looked: Result<Frame, Stop<E>>) -> Result<Frame, E> {
    match looked {
        Ok(frame) | Err(Stop::Seen(frame)) => Ok(frame),
        Err(Stop::Read(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
