//! Moves a sealed object to another key before it becomes visible.

use std::io::{self, Write as _};

use crate::blocking::blocking;
use crate::error::{Unreadable, VaultError, vault_error};
use crate::place::{Head, Place};
use crate::read::{Spooled, Spooler, spool_error};
use crate::vault::{Seal, Vault};
use crate::write::{
    Compression, Encoder, ObjectInfo, ObjectWriter, PreparedObject, Target, Uploading,
};

impl Vault {
    /// Gives an object of [`Vault::create_movable`] another key, whose place is then sealed
    /// together with the content.
    ///
    /// # Errors
    ///
    /// [`VaultError::Begun`] if the upload has begun under the first key, or the errors of a
    /// temporary file.
    pub async fn move_to(
        &self,
        object: PreparedObject,
        key: impl Into<String>,
    ) -> Result<PreparedObject, VaultError> {
        let key = key.into();
        let former = object.info().clone();
        let (place, keys) = (Place::of(&key), self.keys.current());
        let target = Target {
            is_only_writer: true,
            ..self.target(key.clone(), Seal::Encrypt, Uploading::AtTheEnd)
        };
        let mut writer = ObjectWriter::new(target, |out| {
            Encoder::sealed(&keys, Compression::None, &place, out)
        });
        let mut spooler = Spooler::new(keys);
        let owned = key.clone();
        let writer = blocking(&key, move || {
            object.pieces(|piece| {
                let pushed = spooler.push(piece);
                pushed.map_err(|error| spool_error(&owned, &error))
            })?;
            let spooled = spooler.finish();
            let spooled = spooled.map_err(|error| spool_error(&owned, &error))?;
            let Spooled::Sealed { mut content, .. } = spooled else {
                return Err(VaultError::unreadable(&owned, Unreadable::NotSealed));
            };
            let copied = Head::read(&mut content).and_then(|head| {
                match head.place {
                    Some(_) => writer.write_all(&place.frames())?,
                    None => writer.write_all(&head.bytes)?,
                }
                io::copy(&mut content, &mut writer)
            });
            copied.map_err(|error| vault_error(&owned, &error))?;
            Ok(writer)
        })
        .await?;
        let moved = writer.prepare().await?;
        let stored_bytes = moved.info().stored_bytes;
        Ok(moved.described(ObjectInfo {
            key,
            stored_bytes,
            ..former
        }))
    }
}
