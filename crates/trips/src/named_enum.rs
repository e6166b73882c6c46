//! A macro for enums whose values have fixed names.

/// Declares an enum whose values have fixed names, from one list.
///
/// It defines the enum, `ALL` (every value, in the order of the list) and `as_str`, and implements
/// `Display` with the name. If each value is given a pair, the second text is its `description`.
/// The enum has to derive `Clone` and `Copy`.
///
/// ```
/// trips::named_enum! {
///     /// A traffic light.
///     #[derive(Clone, Copy, Debug, PartialEq)]
///     pub enum Light {
///         /// Stop.
///         Red => ("red", "vehicles have to stop"),
///         /// Go.
///         Green => ("green", "vehicles may go"),
///     }
/// }
///
/// assert_eq!(Light::ALL, [Light::Red, Light::Green]);
/// assert_eq!(Light::Green.as_str(), "green");
/// assert_eq!(Light::Green.to_string(), "green");
/// assert_eq!(Light::Green.description(), "vehicles may go");
///
/// trips::named_enum! {
///     /// A size, with a code of its own.
///     #[derive(Clone, Copy)]
///     pub enum Size {
///         /// Up to 10.
///         Small = 1 => "small",
///         /// More.
///         Large = -1 => "large",
///     }
/// }
///
/// assert_eq!(Size::ALL.map(Size::as_str), ["small", "large"]);
/// assert_eq!(Size::Large as i8, -1);
/// ```
#[macro_export]
macro_rules! named_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Enum:ident {
            $(
                $(#[$value_attribute:meta])*
                $Value:ident $(= $code:literal)? => ($name:literal, $description:literal)
            ),+ $(,)?
        }
    ) => {
        $crate::named_enum! {
            $(#[$attribute])*
            $visibility enum $Enum {
                $( $(#[$value_attribute])* $Value $(= $code)? => $name ),+
            }
        }

        impl $Enum {
            /// What the value means, in words.
            #[must_use]
            $visibility const fn description(self) -> &'static str {
                match self {
                    $( Self::$Value => $description ),+
                }
            }
        }
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Enum:ident {
            $(
                $(#[$value_attribute:meta])*
                $Value:ident $(= $code:literal)? => $name:literal
            ),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $Enum {
            $( $(#[$value_attribute])* $Value $(= $code)? ),+
        }

        impl $Enum {
            /// Every value, in the order of their declaration.
            $visibility const ALL: [Self; [$( Self::$Value ),+].len()] = [$( Self::$Value ),+];

            /// The value's name.
            #[must_use]
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$Value => $name ),+
                }
            }
        }

        impl ::std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
