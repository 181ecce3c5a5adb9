/* SHA-256 against FIPS 180-4 examples, FNV-1a against its published values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "scratch_folder.h"

static const char abc_digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char empty_digest[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char million_digest[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void sha256_of_bytes(void **state)
{
    char out[SHA256_HEX_SIZE];

    (void)state;
    sha256_hex(out, "abc", 3);
    assert_string_equal(out, abc_digest);
    sha256_hex(out, NULL, 0);
    assert_string_equal(out, empty_digest);
}

static void sha256_of_files(void **state)
{
    struct scratch_folder folder;
    char out[SHA256_HEX_SIZE];
    ana_error err;
    char *million = malloc(1000000);

    (void)state;
    assert_non_null(million);
    memset(million, 'a', 1000000);
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "million");
    assert_int_equal(file_write(path, million, 1000000, &err), ANA_OK);
    assert_int_equal(sha256_file(out, path, &err), ANA_OK);
    assert_string_equal(out, million_digest);
    path = scratch_path(&folder, "empty");
    assert_int_equal(file_write(path, NULL, 0, &err), ANA_OK);
    assert_int_equal(sha256_file(out, path, &err), ANA_OK);
    assert_string_equal(out, empty_digest);
    path = scratch_path(&folder, "none");
    assert_int_equal(sha256_file(out, path, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "none"));
    assert_int_equal(sha256_file(out, folder.path, &err), ANA_ERR_IO);
    scratch_folder_remove(&folder);
    free(million);
}

static void fnv1a_of_strings(void **state)
{
    (void)state;
    assert_true(fnv1a(FNV1A_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(fnv1a(FNV1A_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(fnv1a(FNV1A_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(fnv1a(fnv1a(FNV1A_START, "foo", 3), "bar", 3) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_bytes),
        cmocka_unit_test(sha256_of_files),
        cmocka_unit_test(fnv1a_of_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
