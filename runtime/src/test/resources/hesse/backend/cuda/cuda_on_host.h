/* Lets generated CUDA C compile for the host, without any other header; the fake driver runs the blocks and threads. */
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__ static

struct hesse_dim { unsigned x, y, z; };
extern "C" hesse_dim threadIdx, blockIdx, blockDim, gridDim;
extern "C" void fake_barrier(void);
extern "C" int fake_barrier_or(int vote);
#define __syncthreads fake_barrier
#define __syncthreads_or fake_barrier_or

#define fabsf __builtin_fabsf
#define fabs __builtin_fabs
static inline float __uint_as_float(unsigned x) { float y; __builtin_memcpy(&y, &x, 4); return y; }
static inline unsigned __float_as_uint(float x) { unsigned y; __builtin_memcpy(&y, &x, 4); return y; }
static inline double __longlong_as_double(long long x) { double y; __builtin_memcpy(&y, &x, 8); return y; }
static inline long long __double_as_longlong(double x) { long long y; __builtin_memcpy(&y, &x, 8); return y; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }

template <unsigned... I> struct hesse_indices {};
template <class... A, unsigned... I> static void hesse_apply(void (*kernel)(A...), void **p, hesse_indices<I...>) {
    kernel(*(A *)p[I]...);
}
template <class... A> static void hesse_call(void (*kernel)(A...), void **p) {
    hesse_apply(kernel, p, hesse_indices<__integer_pack(sizeof...(A))...>{});
}

/* The bytes of each parameter; a driver reads them from the machine code. */
template <class... A> static const unsigned *hesse_sizes(void (*)(A...)) {
    static const unsigned sizes[] = {sizeof(A)..., 0};
    return sizes;
}

#define HESSE_KERNEL(name)                                         \
    extern "C" void name##_call(void **p) { hesse_call(name, p); } \
    extern "C" const unsigned *name##_sizes(void) { return hesse_sizes(name); }
