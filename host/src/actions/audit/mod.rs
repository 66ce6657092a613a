//! The record of what was proposed, allowed and done.
