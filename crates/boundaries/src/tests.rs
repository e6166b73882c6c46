//! Points against boundaries: made-up ones, random ones and a city's own.

mod city;
mod files;
mod fixture;
mod points;
mod random;
