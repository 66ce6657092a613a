//! `when`: on which servers something happens.

/// On which servers a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// On all.
    Any,
    /// On a primary alone.
    Primary,
    /// On a standby alone.
    Standby,
}
