//! LZ4 frames (the LZ4 frame format, 1.6): each block says how long it is, and after the last comes an end mark.

use crate::Frame;
use crate::window::{Stop, Window};

const MAGIC: u32 = 0x184D_2204;
/// Of `lz4 -l`: blocks without an end mark.
const LEGACY: u32 = 0x184C_2102;
/// Frames that hold something else, sixteen numbers.
const SKIPPABLE: u32 = 0x184D_2A50;
/// No block is larger.
const LARGEST: u32 = 4 << 20;
const NO_LZ4: Frame = Frame::Broken("it does not begin as lz4 does");

pub(crate) fn frames<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(window: &mut Window<R>) -> Result<Frame, Stop<E>> {
    let (mut at, mut unpacked) = (0, Some(0_u64));
    loop {
        match window.number(at)? {
            MAGIC => {
                let bytes = frame(window, &mut at)?;
                unpacked = unpacked.zip(bytes).map(|(before, bytes)| before.saturating_add(bytes));
            }
            LEGACY => return Ok(Frame::Untold),
            magic if magic & !0xF == SKIPPABLE => at += 8 + u64::from(window.number(at + 4)?),
            _ if at == 0 => return Ok(NO_LZ4),
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
    let [flags] = window.bytes(*at + 4)?;
    if flags >> 6 != 1 {
        return Err(Stop::Seen(NO_LZ4));
    }
    let has = |bit: u8| flags >> bit & 1 == 1;
    let mut header = 7;
    let unpacked = if has(3) {
        header += 8;
        Some(u64::from_le_bytes(window.bytes(*at + 6)?))
    } else {
        None
    };
    header += if has(0) { 4 } else { 0 };
    *at += header;
    loop {
        let block = window.number(*at)?;
        *at += 4;
        if block == 0 {
            if has(2) {
                window.checksum(*at)?;
                *at += 4;
            }
            return Ok(unpacked);
        }
        // The highest bit says that the block is not compressed.
        let bytes = block & 0x7FFF_FFFF;
        if bytes > LARGEST {
            return Err(Stop::Seen(Frame::Broken("a block of it is larger than any can be")));
        }
        *at += u64::from(bytes) + if has(4) { 4 } else { 0 };
    }
}
