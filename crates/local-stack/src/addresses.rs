//! The addresses that the parts of a kept folder had, and those that they have now.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde_json::{Value, json};

use crate::network::address;
use crate::private_file::{read_private, write_private};
use crate::{LocalStack, StackError};

/// The folder, in a kept one, with the addresses that its starts had.
pub const STARTS_FOLDER: &str = "starts";
const FILE: &str = "addresses.json";
const HOST: &str = "127.0.0.1:";

/// Parts by names, and the addresses of former starts, `127.0.0.1:PORT`, by which a part is found.
pub(crate) struct Addresses {
    former: BTreeMap<String, String>,
    present: BTreeMap<String, String>,
}

impl Addresses {
    /// Records the addresses of a start in its folder, besides those of all former ones. `None` if
    /// the folder knows of no start.
    pub(crate) fn recorded(stack: &LocalStack, folder: &Path) -> Result<Option<Self>, StackError> {
        let mut present = BTreeMap::from([
            ("s3".to_owned(), address(&stack.s3.endpoint_url())?),
            ("portal".to_owned(), address(&stack.portal.url())?),
        ]);
        for (name, provider) in &stack.providers {
            present.insert(format!("provider {name}"), address(&provider.base_url())?);
        }
        let present: BTreeMap<_, _> = present
            .into_iter()
            .map(|(part, address)| (part, address.to_string()))
            .collect();
        let folder = folder.join(STARTS_FOLDER);
        fs::create_dir_all(&folder)?;
        let record = folder.join(FILE);
        let former: Option<BTreeMap<String, String>> = match read_private(&record) {
            Ok(text) => Some(serde_json::from_str(&text).map_err(io::Error::from)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        // There are no more than ports, so that none has to be forgotten: the history of the bucket
        // may have any. A start that is killed afterwards has put nothing that is not known.
        let mut known = former.clone().unwrap_or_default();
        known.extend(present.iter().map(|(part, it)| (it.clone(), part.clone())));
        write_private(&record, &json!(known).to_string())?;
        Ok(former.map(|former| Self { former, present }))
    }

    /// The value with present addresses in the place of former ones.
    pub(crate) fn renewed(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.renewed_text(&text).into(),
            Value::Array(items) => items.into_iter().map(|it| self.renewed(it)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, it)| (name, self.renewed(it)))
                .collect(),
            other => other,
        }
    }

    fn renewed_text(&self, text: &str) -> String {
        let mut renewed = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(HOST) {
            let port = start + HOST.len();
            let digits = rest[port..].bytes().take_while(u8::is_ascii_digit).count();
            let address = &rest[start..port + digits];
            let part = self.former.get(address);
            let present = part.and_then(|part| self.present.get(part));
            renewed.push_str(&rest[..start]);
            renewed.push_str(present.map_or(address, String::as_str));
            rest = &rest[port + digits..];
        }
        renewed + rest
    }
}

#[cfg(test)]
mod tests;
