//! The currencies of ISO 4217, with their decimals.

/// A currency in which a trip can be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Currency {
    /// Its three letters.
    pub(super) code: &'static str,
    /// How many decimals its major unit has.
    pub(super) decimals: i64,
}

/// The code that ISO 4217 has for "no currency". It stands for one that was sent and cannot be
/// read: without a code, a cost is in US dollars.
pub(super) const NO_CURRENCY: &str = "XXX";

impl Currency {
    /// The currency of a code in upper case.
    pub(super) fn of(code: &str) -> Option<Self> {
        CURRENCIES.iter().find_map(|&(decimals, codes)| {
            let at = codes.binary_search(&code).ok()?;
            codes.get(at).map(|&code| Self { code, decimals })
        })
    }
}

// Those in use, and those withdrawn since 2010, which old archives rightly hold. Metals, codes for
// tests and the like have no decimals, and nobody pays with them. Each list is sorted.
const CURRENCIES: [(i64, &[&str]); 4] = [
    (2, TWO_DECIMALS),
    (0, NO_DECIMALS),
    (3, THREE_DECIMALS),
    (4, FOUR_DECIMALS),
];

const NO_DECIMALS: &[&str] = &[
    "BIF", "BYR", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
    "VND", "VUV", "XAF", "XOF", "XPF",
];

const TWO_DECIMALS: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
    "CHE", "CHF", "CHW", "CNY", "COP", "COU", "CRC", "CUC", "CUP", "CVE", "CZK", "DKK", "DOP",
    "DZD", "EEK", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD",
    "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES",
    "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LTL", "LVL", "MAD",
    "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRO", "MRU", "MUR", "MVR", "MWK", "MXN", "MXV",
    "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR",
    "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE",
    "SLL", "SOS", "SRD", "SSP", "STD", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP",
    "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "USN", "USS", "UYU", "UZS", "VED", "VEF", "VES",
    "WST", "XAD", "XCD", "XCG", "YER", "ZAR", "ZMK", "ZMW", "ZWG", "ZWL",
];

const THREE_DECIMALS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

const FOUR_DECIMALS: &[&str] = &["CLF", "UYW"];

#[cfg(test)]
mod tests;
