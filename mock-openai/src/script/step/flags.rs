//! Truth values that serde leaves out where they say what holds anyway.

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_true(flag: &bool) -> bool {
    *flag
}

pub(super) fn yes() -> bool {
    true
}
