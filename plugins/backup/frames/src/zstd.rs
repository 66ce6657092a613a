//! Zstandard frames (RFC 8878): each block says how long it is and whether it is the last.

use crate::Frame;
use crate::window::{Stop, Window};

const MAGIC: u32 = 0xFD2F_B528;
/// Frames that hold something else, sixteen numbers.
const SKIPPABLE: u32 = 0x184D_2A50;
/// No block is larger.
const LARGEST: u32 = 128 << 10;
const NO_ZSTD: Frame = Frame::Broken("it does not begin as zstd does");

pub(crate) fn frames<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(window: &mut Window<R>) -> Result<Frame, Stop<E>> {
    let (mut at, mut unpacked) = (0, Some(0_u64));
    loop {
        match window.number(at)? {
            MAGIC => {
                let bytes = frame(window, &mut at)?;
                unpacked = unpacked.zip(bytes).map(|(before, bytes)| before.saturating_add(bytes));
            }
            magic if magic & !0xF == SKIPPABLE => at += 8 + u64::from(window.number(at + 4)?),
            _ if at == 0 => return Ok(NO_ZSTD),
            _ => return Ok(Frame::Broken("it goes on after its end")),
        }
        if at >= window.size {
            return Ok(window.ends(at, unpacked));
        }
    }
}

/// Follows one frame to behind its end; the bytes that it says it has.
fn frame<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(
    window: &mut Window<R>,
    at: &mut u64,
) -> Result<Option<u64>, Stop<E>> {
    let [descriptor] = window.bytes(*at + 4)?;
    let single = descriptor >> 5 & 1 == 1;
    let checksum = descriptor >> 2 & 1 == 1;
    *at += 5 + if single { 0 } else { 1 };
    *at += [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
    let unpacked = match (descriptor >> 6, single) {
        (0, false) => None,
        (0, true) => Some(window.bytes(*at).map(|[byte]| (u64::from(byte), 1))?),
        (1, _) => Some(window.bytes(*at).map(|two| (u64::from(u16::from_le_bytes(two)) + 256, 2))?),
        (2, _) => Some((u64::from(window.number(*at)?), 4)),
        _ => Some((u64::from_le_bytes(window.bytes(*at)?), 8)),
    };
    *at += unpacked.map_or(0, |(_, bytes)| bytes);
    loop {
        let [low, middle, high] = window.bytes(*at)?;
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let (last, kind, bytes) = (header & 1 == 1, header >> 1 & 3, header >> 3);
        // A byte that repeats is one byte long, whatever it unpacks to.
        let length = match kind {
            1 => 1,
            0 | 2 if bytes <= LARGEST => bytes,
            _ => return Err(Stop::Seen(Frame::Broken("a block of it is none"))),
        };
        *at += 3 + u64::from(length);
        if last {
            if checksum {
                window.checksum(*at)?;
                *at += 4;
            }
            return Ok(unpacked.map(|(bytes, _)| bytes));
        }
    }
}
