/* All allocation passes through here, so that it can be counted, limited and made to fail.
 *
 * The hooks are the only global state of the library. They are set once, before anything else.
 */
#ifndef ANA_BASE_MEMORY_H
#define ANA_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum { MEMORY_ALIGNMENT = 64 }; /* one cache line, one AVX-512 vector */

struct memory_hooks {
    void *(*allocate)(void *user,
                      size_t size_bytes); /* MEMORY_ALIGNMENT aligned, NULL on failure */
    void (*release)(void *user, void *block, size_t size_bytes);
    void *user;
};

/* NULL restores the defaults (posix_memalign and free). */
void memory_set_hooks(const struct memory_hooks *hooks);

/* size 0 gives a unique, freeable block. NULL on failure. Free with memory_free(). */
MUST_CHECK void *memory_alloc(size_t size_bytes);
MUST_CHECK void *memory_alloc_zeroed(size_t size_bytes);
/* Grows or shrinks; on failure returns NULL and the old block stays valid. block may be NULL. */
MUST_CHECK void *memory_resize(void *block, size_t size_bytes);
void memory_free(void *block); /* NULL is fine */

/* n elements of `size` bytes, overflow checked. */
MUST_CHECK void *memory_alloc_array(size_t n, size_t size);
MUST_CHECK void *memory_alloc_array_zeroed(size_t n, size_t size);
MUST_CHECK char *memory_copy_string(const char *text);

/* Live and highest total of blocks handed out, in bytes. */
size_t memory_in_use(void);
size_t memory_peak(void);
void memory_reset_peak(void); /* to what is in use now */
/* Allocations beyond this total fail; 0 means no limit. */
void memory_set_limit(size_t limit_bytes);
size_t memory_limit(void);
size_t memory_refused(void); /* bytes of the last allocation that the limit refused; 0: none */

/* Overflow-checked size arithmetic: false on overflow, *out untouched then. */
MUST_CHECK bool size_mul(size_t *out, size_t a, size_t b);
MUST_CHECK bool size_add(size_t *out, size_t a, size_t b);
MUST_CHECK bool extent_mul(int64_t *out, int64_t a, int64_t b); /* also false if negative */

#endif
