//! Where the server is, and how a store behaves towards it.
