/* Every attribute and builtin of the compiler that we use, and nothing else. */
#ifndef ANA_BASE_COMPILER_H
#define ANA_BASE_COMPILER_H

#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define MUST_CHECK                      __attribute__((warn_unused_result))
#define ALIGNED(bytes)                  __attribute__((aligned(bytes)))
#define ALWAYS_INLINE                   inline __attribute__((always_inline))
#define NO_INLINE                       __attribute__((noinline))
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define UNUSED                          __attribute__((unused))

/* Tells the processor that this is a waiting loop. */
#if defined(__x86_64__) || defined(__i386__)
#define CPU_RELAX() __builtin_ia32_pause()
#else
#define CPU_RELAX() ((void)0)
#endif

#endif
