//! Integer ids as UUIDs, and the public ids.

use std::fmt;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;

const MIN_KEY_BYTES: usize = 16;
const UUID_BYTES: usize = 16;

/// The UUID of a trip or device whose provider uses integer ids (docs/CONTRACT.md, "Details that
/// existing data depends on").
///
/// It is the integer as 16 big-endian bytes, with its leading zero digits replaced by the digits of
/// the provider's id at the same positions. All digits of 0 are leading zeros, so its UUID is the
/// provider's id.
///
/// Two integers may become the same UUID if the provider's id ends with digits that an integer can
/// begin with (0, 15 and 255 do with an id that ends in `ff`). This cannot change, because stored
/// ids depend on it.
///
/// ```
/// use trips::ids::integer_id_to_uuid;
///
/// let provider = "0309585e-599f-4e57-ac85-ffffffffffff".parse()?;
/// let id = integer_id_to_uuid(provider, 104_865);
/// assert_eq!(id.to_string(), "0309585e-599f-4e57-ac85-fffffff199a1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn integer_id_to_uuid(provider_id: Uuid, id: u128) -> Uuid {
    let leading_digits = id.leading_zeros() / 4;
    let integer_bits = 128 - 4 * leading_digits;
    let provider_digits = u128::MAX.checked_shl(integer_bits).unwrap_or(0);
    Uuid::from_u128((provider_id.as_u128() & provider_digits) | id)
}

/// The secret key of the public ids of trips and devices (`PUBLIC_ID_KEY`).
///
/// A public id is a UUID of version 8, made of the HMAC-SHA-256 of the provider's id and the id of
/// the trip or device. With the same key it never changes, and without the key nobody can derive it
/// (docs/CONTRACT.md, "Details that existing data depends on").
#[derive(Clone)]
pub struct PublicIdKey {
    mac: Hmac<Sha256>,
}

/// A key that cannot be used. The message never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicIdKeyError {
    /// The key is too easy to guess.
    #[error("PUBLIC_ID_KEY has {bytes} bytes; use a random one of at least 16 bytes")]
    TooShort {
        /// The key's length in bytes.
        bytes: usize,
    },
}

impl PublicIdKey {
    /// Takes a secret of at least 16 bytes.
    ///
    /// # Errors
    ///
    /// [`PublicIdKeyError`] for a shorter one.
    pub fn new(secret: &SecretString) -> Result<Self, PublicIdKeyError> {
        let key = secret.expose_secret().as_bytes();
        let too_short = PublicIdKeyError::TooShort { bytes: key.len() };
        if key.len() < MIN_KEY_BYTES {
            return Err(too_short);
        }
        let mac = Hmac::new_from_slice(key).map_err(|_| too_short)?;
        Ok(Self { mac })
    }

    /// The public id of a trip.
    #[must_use]
    pub fn trip(&self, provider_id: Uuid, trip_id: Uuid) -> Uuid {
        self.public_id(b"mds-etl/trip/1", provider_id, trip_id)
    }

    /// The public id of a device.
    #[must_use]
    pub fn device(&self, provider_id: Uuid, device_id: Uuid) -> Uuid {
        self.public_id(b"mds-etl/device/1", provider_id, device_id)
    }

    /// The id under which the device with this public id is published for a period, by the period's
    /// name. It cannot be connected with that of another period without the key.
    pub(crate) fn device_in_period(&self, public_id: Uuid, period: &str) -> Uuid {
        let domain = b"mds-etl/device/period/1";
        self.uuid(&[domain, public_id.as_bytes(), period.as_bytes()])
    }

    fn public_id(&self, domain: &[u8], provider_id: Uuid, id: Uuid) -> Uuid {
        self.uuid(&[domain, provider_id.as_bytes(), id.as_bytes()])
    }

    fn uuid(&self, parts: &[&[u8]]) -> Uuid {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        let mut bytes = [0; UUID_BYTES];
        bytes.copy_from_slice(&digest[..UUID_BYTES]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl fmt::Debug for PublicIdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicIdKey(redacted)")
    }
}
