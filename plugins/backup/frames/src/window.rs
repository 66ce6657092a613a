//! A file that is looked at through a window of some hundred bytes, so that headers that lie beside each other are one read.

use crate::Frame;

/// Bytes of one read.
const WIDTH: u32 = 512;

/// Why looking ended.
pub(crate) enum Stop<E> {
    /// It is known what the file is.
    Seen(Frame),
    /// It could not be read.
    Read(E),
}

/// A file.
pub(crate) struct Window<R> {
    read: R,
    /// Bytes of the file.
    pub(crate) size: u64,
    left: u32,
    at: u64,
    seen: Vec<u8>,
}

impl<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>> Window<R> {
    pub(crate) fn new(size: u64, reads: u32, read: R) -> Self {
        Self { read, size, left: reads, at: 0, seen: Vec::new() }
    }

    /// The bytes from an offset on; the file is cut short where it has fewer.
    pub(crate) fn bytes<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Stop<E>> {
        if let Some(bytes) = self.held(offset) {
            return Ok(bytes);
        }
        if self.size == 0 {
            return Err(Stop::Seen(Frame::Broken("it is empty")));
        }
        if offset.saturating_add(N as u64) > self.size {
            return Err(Stop::Seen(Frame::Broken("it is cut short")));
        }
        let Some(left) = self.left.checked_sub(1) else { return Err(Stop::Seen(Frame::Untold)) };
        self.left = left;
        self.seen = (self.read)(offset, WIDTH).map_err(Stop::Read)?;
        self.at = offset;
        self.held(offset).ok_or(Stop::Seen(Frame::Broken("it is cut short")))
    }

    fn held<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let from = usize::try_from(offset.checked_sub(self.at)?).ok()?;
        self.seen.get(from..)?.first_chunk().copied()
    }

    /// A little-endian number of four bytes.
    pub(crate) fn number(&mut self, offset: u64) -> Result<u32, Stop<E>> {
        self.bytes(offset).map(u32::from_le_bytes)
    }

    /// The checksum behind the last block: it has to be there, and is not zero but for one file in 2^32. A file system that lost its blocks gives zeros.
    pub(crate) fn checksum(&mut self, offset: u64) -> Result<(), Stop<E>> {
        if self.number(offset)? == 0 { Err(Stop::Seen(Frame::Broken("it ends with zeros"))) } else { Ok(()) }
    }

    /// Whole, if what was followed block by block ends where the file does.
    pub(crate) fn ends(&self, at: u64, unpacked: Option<u64>) -> Frame {
        if at > self.size { Frame::Broken("it is cut short") } else { Frame::Whole { unpacked } }
    }
}
