//! From a proposal to its proof: only the host acts, and only what a manifest declares, the operator's policy allows and the plugin still
//! proposes at that moment.
//!
//! | module | what it is for |
//! |---|---|
//! | `prepare` | a proposal held against manifest, grants and configuration |
//! | `rounds` | confirm, act, verify, and what that leads to |
//! | `proposed` | what a run proposed: recorded, and held against the policy in force |
//! | `proof` | what came of an action, as the plugin sees it |
//! | `acting` | what all of these need of the agent |
//! | `policy` | what the operator allows |
//! | `journal` | what is written down of it |
//! | `withdrawn` | what a configuration has no room for any more |
//! | `news` | how much new a job may propose |
//! | `progress` | what a busy job does, for those who meet it |
//! | `what` | a proposal filled in: what exactly would be done, to what |
//! | `perform` | doing it; one performer per kind |
//! | `audit` | the record of what was done, chained by hash |

pub mod acting;
pub mod audit;
pub mod journal;
pub mod news;
pub mod perform;
pub mod policy;
pub mod prepare;
pub mod progress;
mod proof;
mod proposed;
mod rounds;
pub mod what;
mod withdrawn;
