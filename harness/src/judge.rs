//! One run against everything that it is judged by.
