//! The description of the dataset, as Socrata's `/api/views/{4x4}.json` gives it.

use serde_json::{Value, json};

use super::PortalOptions;

/// The number of the first column; a portal counts over all of its datasets.
const FIRST_COLUMN_ID: u64 = 290_485_001;

pub(super) fn view(options: &PortalOptions) -> Value {
    let numbered = || options.columns.iter().zip(FIRST_COLUMN_ID..);
    let columns: Vec<Value> = numbered()
        .zip(1..)
        .map(|((column, id), position)| {
            json!({
                "id": id,
                "name": column.name,
                "fieldName": column.name,
                "dataTypeName": column.data_type,
                "renderTypeName": column.data_type,
                "position": position,
            })
        })
        .collect();
    let mut view = json!({
        "id": options.dataset,
        "name": "Shared Micromobility Vehicle Trips",
        "assetType": "dataset",
        "viewType": "tabular",
        "displayType": "table",
        "newBackend": true,
        "columns": columns,
    });
    let identifier = numbered().find(|(column, _)| column.name == options.row_id);
    if let Some((_, id)) = identifier.filter(|_| options.has_row_identifier) {
        view["rowIdentifierColumnId"] = id.into();
    }
    view
}
