//! Column `status_id` of `api.schedule`.

use trips::status::BlockStatus;

use crate::error::StoreError;

/// A status as a parameter for column `status_id`.
pub(crate) fn status_code(status: BlockStatus) -> i32 {
    status.code().into()
}

/// Statuses as a list in SQL: `7, 8`.
pub(crate) fn status_list(statuses: impl IntoIterator<Item = BlockStatus>) -> String {
    let codes: Vec<_> = statuses
        .into_iter()
        .map(|it| status_code(it).to_string())
        .collect();
    codes.join(", ")
}

/// The status that a value of column `status_id` means.
pub(crate) fn read_status(code: i32) -> Result<BlockStatus, StoreError> {
    i16::try_from(code)
        .ok()
        .and_then(|code| BlockStatus::try_from(code).ok())
        .ok_or(StoreError::Corrupt {
            what: "api.schedule.status_id",
        })
}
