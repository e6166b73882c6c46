//! Statements that go out together, and what they return.

/// Waits for the statements, and returns their results, or the first error in their order.
///
/// All are polled before one of them is ready, so they go out together. Once a statement of a
/// transaction has failed, the server refuses the ones that follow. Such a refusal does not say
/// what has failed, and it may be seen before the failure itself.
macro_rules! in_order {
    ($($statement:expr),+ $(,)?) => {
        $crate::in_order::InOrder::in_order(futures::join!($($statement),+))
    };
}
pub(crate) use in_order;

/// The results of several statements.
pub(crate) trait InOrder {
    /// What they return if none has failed.
    type Values;
    /// Why one has failed.
    type Error;

    /// All values, or the first error.
    fn in_order(self) -> Result<Self::Values, Self::Error>;
}

macro_rules! results {
    ($($value:ident),+) => {
        impl<Error, $($value),+> InOrder for ($(Result<$value, Error>,)+) {
            type Values = ($($value,)+);
            type Error = Error;

            #[allow(non_snake_case, reason = "each value is named as its type")]
            fn in_order(self) -> Result<Self::Values, Error> {
                let ($($value,)+) = self;
                Ok(($($value?,)+))
            }
        }
    };
}

results!(A, B);
results!(A, B, C);
results!(A, B, C, D);
results!(A, B, C, D, E, F, G);

#[cfg(test)]
mod tests;
