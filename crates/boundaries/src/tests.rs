//! Points in boundaries that are made up, random, and those of a real city.

mod checks;
mod city;
mod files;
mod fixture;
mod points;
mod random;
