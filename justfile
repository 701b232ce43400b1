# Shortcuts. Nothing needs them: each is a plain command that can be typed.

# list the recipes
default:
    @just --list --unsorted

# start the server on 127.0.0.1:8080, as a debug build
serve *args:
    cargo run -p portcullis -- serve {{ args }}

# everything a change must pass
check:
    .ci/run

# all tests, or those that the arguments of `cargo test` choose
test *args:
    tests/run {{ args }}

# one crate alone, so that no feature another crate asks for hides a missing one
test-crate name *args:
    tests/run -p {{ if name == "portcullis" { name } else { "portcullis-" + name } }} {{ args }}

# load the release build and print medians and ratios
bench *args:
    cargo build --release -p portcullis -p portcullis-bench
    cargo run --release -p portcullis-bench -- {{ args }}

# pictures of all pages of the console for the documentation
pictures:
    PORTCULLIS_TEST_PICTURES="{{ justfile_directory() }}/docs/console" \
        tests/run -p portcullis-tests --all-features --test console -- every_page_fits

# the book of docs, in target/book
book:
    .ci/run book

# the pages of docs/reference that are generated from the code
reference:
    PORTCULLIS_TEST_PAGES=write tests/run --workspace --all-features --lib --test http -- is_generated_from

# median times of 200 interleaved refusals of each kind
refusal-times:
    tests/run -p portcullis-tests --test http refusal_times -- --nocapture

# line coverage of the crates that carry the security claims by their own tests, at least 90 % each
coverage:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v cargo-tarpaulin >/dev/null || cargo install --locked cargo-tarpaulin --version 0.37.5
    crates=(domain mail password token mfa rate-limit redis flows access audit guard)
    arguments=()
    for name in "${crates[@]}"; do arguments+=(--package "portcullis-$name" --include-files "crates/$name/src/*"); done
    tests/run --exec cargo tarpaulin --engine llvm --skip-clean --timeout 3600 "${arguments[@]}" \
        --features portcullis-domain/moderation,portcullis-guard/actix,portcullis-guard/axum,portcullis-mfa/passkey,portcullis-password/range-service \
        --target-dir "${CARGO_TARGET_DIR:-target}/coverage" --out Stdout | tee /dev/stderr | awk -v names="${crates[*]}" '
            $2 ~ /^crates\// && $3 ~ /^[0-9]+\/[0-9]+$/ {
                split($2, path, "/"); split($3, lines, "/")
                covered[path[2]] += lines[1]; all[path[2]] += lines[2]
            }
            END {
                print "\nline coverage"
                count = split(names, crates, " ")
                for (i = 1; i <= count; i++) {
                    name = crates[i]
                    share = all[name] ? 100 * covered[name] / all[name] : 0
                    printf "  %-10s %5d of %5d  %5.1f %%\n", name, covered[name], all[name], share
                    if (share < 90) failed = failed " " name
                }
                if (failed) { print "under 90 %:" failed; exit 1 }
            }'

# an empty migration for both databases, under one version
migration name:
    #!/usr/bin/env bash
    set -euo pipefail
    version="$(date -u +%Y%m%d%H%M%S)_{{ name }}"
    for database in sqlite postgres; do
        mkdir "migrations/$database/$version"
        touch "migrations/$database/$version/"{up,down}.sql
        echo "migrations/$database/$version"
    done

# licences, banned crates and sources of everything that is compiled in
licences:
    .ci/run licences

# a release of this platform in target/dist: stripped binary, licences, bill of materials, checksums
dist:
    .ci/dist

# each crate as a package, built from the packaged files
packages:
    .ci/run packages

# the stated version of Rust compiles everything
rust-version:
    .ci/run rust-version

# each crate alone, with its default features, none, and all
alone:
    .ci/run alone

# the oldest accepted versions of the dependencies compile everything
minimal-versions:
    .ci/run minimal-versions

# the public API of each package against a release: a tag, or a commit
semver baseline="":
    BASELINE="{{ baseline }}" .ci/run semver
