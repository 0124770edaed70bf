/* cuBLASLt without arithmetic: it proposes two algorithms and writes down what it is given. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

struct algo { unsigned long long data[8]; };
struct proposal { struct algo algo; size_t workspace; int state; float waves; int reserved[4]; };

size_t cublasLtGetVersion(void) { return 120803; }
const char *cublasLtGetStatusName(int status) { return status == 15 ? "CUBLAS_STATUS_NOT_SUPPORTED" : "CUBLAS_STATUS_OTHER"; }
const char *cublasLtGetStatusString(int status) { return "cannot be done"; }
int cublasLtCreate(void **handle) { CALL(cublasLtCreate); *handle = fake_make(CUBLAS); return 0; }
int cublasLtDestroy(void *handle) { CALL(cublasLtDestroy, "%s", fake_name(handle)); return fake_drop(CUBLAS, handle); }

int cublasLtMatmulDescCreate(void **desc, int compute, int scale) {
    CALL(cublasLtMatmulDescCreate, "%d, %d", compute, scale);
    *desc = fake_make(MATMUL);
    return 0;
}

int cublasLtMatmulDescDestroy(void *desc) {
    CALL(cublasLtMatmulDescDestroy, "%s", fake_name(desc));
    return fake_drop(MATMUL, desc);
}

static long long read(const void *value, size_t bytes) {
    long long number = 0;
    memcpy(&number, value, bytes);
    return number;
}

int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t bytes) {
    CALL(cublasLtMatmulDescSetAttribute, "%s, %d, %lld", fake_name(desc), attribute, read(value, bytes));
    return 0;
}

int cublasLtMatrixLayoutCreate(void **layout, int type, unsigned long long rows, unsigned long long columns, long long ld) {
    CALL(cublasLtMatrixLayoutCreate, "%d, %llu, %llu, %lld", type, rows, columns, ld);
    *layout = fake_make(LAYOUT);
    return 0;
}

int cublasLtMatrixLayoutDestroy(void *layout) {
    CALL(cublasLtMatrixLayoutDestroy, "%s", fake_name(layout));
    return fake_drop(LAYOUT, layout);
}

int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t bytes) {
    CALL(cublasLtMatrixLayoutSetAttribute, "%s, %d, %lld", fake_name(layout), attribute, read(value, bytes));
    return 0;
}

int cublasLtMatmulPreferenceCreate(void **preference) {
    CALL(cublasLtMatmulPreferenceCreate);
    *preference = fake_make(PREFERENCE);
    return 0;
}

int cublasLtMatmulPreferenceDestroy(void *preference) {
    CALL(cublasLtMatmulPreferenceDestroy, "%s", fake_name(preference));
    return fake_drop(PREFERENCE, preference);
}

int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes) {
    CALL(cublasLtMatmulPreferenceSetAttribute, "%s, %d, %lld", fake_name(preference), attribute, read(value, bytes));
    return 0;
}

/* The first wants a mebibyte of workspace, the second a kibibyte. */
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int asked,
                                   struct proposal *results, int *count) {
    CALL(cublasLtMatmulAlgoGetHeuristic, "%s, %s, %s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(desc), fake_name(a),
         fake_name(b), fake_name(c), fake_name(d), fake_name(preference), asked);
    memset(results, 0, 2 * sizeof *results);
    results[0].algo.data[0] = 0xa1;
    results[0].workspace = 1 << 20;
    results[1].algo.data[0] = 0xa2;
    results[1].workspace = 1 << 10;
    *count = 2;
    return 0;
}

int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *adesc, const void *b, void *bdesc,
                   const void *beta, const void *c, void *cdesc, void *d, void *ddesc, const struct algo *algo,
                   void *workspace, size_t bytes, void *stream) {
    CALL(cublasLtMatmul, "%s, %s, %g, %p, %s, %p, %s, %g, %p, %s, %p, %s, %llx, %p, %zu, %s", fake_name(handle),
         fake_name(desc), *(const float *)alpha, a, fake_name(adesc), b, fake_name(bdesc), *(const float *)beta, c,
         fake_name(cdesc), d, fake_name(ddesc), algo->data[0], workspace, bytes, fake_name(stream));
    return 0;
}
