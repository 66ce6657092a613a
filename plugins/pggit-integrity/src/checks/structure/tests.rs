//! What is seen of the structure, and what is made of it.
