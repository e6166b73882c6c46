//! How fast bytes are hashed, compressed and encrypted while an object is written.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::io::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use vault::{AwsOptions, Compression, FernetKeys, Seal, Vault, s3_client};

/// Too few for an encoding thread, and for a first part: nothing is sent.
const BYTES: usize = 960 * 1024;
const UNUSED_ENDPOINT: &str = "http://127.0.0.1:9";

/// Text like that of a route: the keys repeat, the digits do not.
fn route() -> Vec<u8> {
    let mut text = Vec::with_capacity(BYTES + 200);
    let mut digits = 1_u64;
    while text.len() < BYTES {
        digits = digits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (lng, lat) = (digits >> 44, (digits >> 24) & 0xf_ffff);
        write!(
            text,
            r#"{{"type":"Feature","properties":{{"timestamp":1591014{lat}}},"geometry":{{"type":"Point","coordinates":[-97.{lng},30.{lat}]}}}},"#,
        )
        .unwrap();
    }
    text.truncate(BYTES);
    text
}

fn vault(compression: Compression) -> Vault {
    let options = AwsOptions::from_lookup(|name| match name {
        "AWS_ENDPOINT_URL_S3" => Some(UNUSED_ENDPOINT.to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("none".to_owned()),
        _ => None,
    });
    let config = Runtime::new().unwrap().block_on(options.load());
    let keys = FernetKeys::parse(&FernetKeys::generate()).unwrap();
    Vault::new(s3_client(&config, &options), "none", keys, compression)
}

fn bench(criterion: &mut Criterion) {
    let route = route();
    let mut group = criterion.benchmark_group("960 KiB of routes into an object");
    group.throughput(Throughput::Bytes(BYTES as u64));
    for (name, compression, seal) in [
        ("hash", Compression::None, Seal::Plain),
        ("hash and encrypt", Compression::None, Seal::Encrypt),
        (
            "hash, compress and encrypt",
            Compression::Zstd,
            Seal::Encrypt,
        ),
    ] {
        let vault = vault(compression);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut object = vault.create("none", seal);
                object.write_all(&route).unwrap();
                black_box(object)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
