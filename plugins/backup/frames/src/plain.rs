//! A plain segment: the long header of its first page names the segment, the cluster and the size of segments (access/xlog_internal.h,
//! XLogLongPageHeaderData; of 14 to 18 alike). Numbers are in the byte order of the server, which is taken to be little-endian or this file's own.

use crate::Frame;
use crate::window::{Stop, Window};

/// The first page of a segment has the long header (XLP_LONG_HEADER).
const LONG: u16 = 2;

pub(crate) fn segment<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(
    window: &mut Window<R>,
    timeline: u32,
    position: u64,
    cluster: Option<u64>,
) -> Result<Frame, Stop<E>> {
    let head: [u8; 36] = window.bytes(0)?;
    let [magic @ .., _, _] = *head.first_chunk::<4>().unwrap_or(&[0; 4]);
    let short =
        |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |two| u16::from_le_bytes(*two));
    let number =
        |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four));
    let long = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |all| u64::from_le_bytes(*all));
    // XLOG_PAGE_MAGIC is 0xD1xx since 9.5.
    match magic {
        [_, 0xD1] => {}
        // A server of the other byte order.
        [0xD1, _] => return Ok(Frame::Untold),
        _ if head.iter().all(|byte| *byte == 0) => return Ok(Frame::Broken("it begins with zeros")),
        _ => return Ok(Frame::Broken("it does not begin as WAL does")),
    }
    if short(2) & LONG == 0 {
        return Ok(Frame::Broken("it does not begin as a segment does"));
    }
    let (address, system, segment_bytes) = (long(8), long(24), u64::from(number(32)));
    let Some(per_log) = (1_u64 << 32).checked_div(segment_bytes) else {
        return Ok(Frame::Broken("it does not begin as a segment does"));
    };
    let first = ((position >> 32) * per_log + (position & 0xFFFF_FFFF)).checked_mul(segment_bytes);
    // The beginning of a timeline's first segment is copied from the one before.
    if first != Some(address) || number(4) > timeline {
        return Ok(Frame::Broken("it holds another segment than its name says"));
    }
    if cluster.is_some_and(|cluster| cluster != system) {
        return Ok(Frame::Broken("it is of another cluster"));
    }
    Ok(Frame::Whole { unpacked: Some(segment_bytes) })
}
