//! What is seen of tracking, and what is made of it.
