/* cuBLASLt by definition: it proposes two algorithms, writes down what it is given, and multiplies plainly if it is to. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

/* What the descriptors hold, by handle. */
static struct { long long value[32]; } descs[4096], layouts[4096];
#define AT(array, handle) array[(size_t)(handle) % 4096].value

/* To how many bytes addresses are aligned, as was said last. */
static long long alignment = 256;

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
    AT(descs, *desc)[3] = AT(descs, *desc)[4] = 0;
    AT(descs, *desc)[31] = scale;
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
    AT(descs, desc)[attribute] = read(value, bytes);
    return 0;
}

int cublasLtMatrixLayoutCreate(void **layout, int type, unsigned long long rows, unsigned long long columns, long long ld) {
    CALL(cublasLtMatrixLayoutCreate, "%d, %llu, %llu, %lld", type, rows, columns, ld);
    *layout = fake_make(LAYOUT);
    long long *l = AT(layouts, *layout);
    l[0] = type, l[2] = rows, l[3] = columns, l[4] = ld, l[5] = 1, l[6] = 0;
    return 0;
}

int cublasLtMatrixLayoutDestroy(void *layout) {
    CALL(cublasLtMatrixLayoutDestroy, "%s", fake_name(layout));
    return fake_drop(LAYOUT, layout);
}

int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t bytes) {
    CALL(cublasLtMatrixLayoutSetAttribute, "%s, %d, %lld", fake_name(layout), attribute, read(value, bytes));
    AT(layouts, layout)[attribute] = read(value, bytes);
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
    if (attribute >= 5 && attribute <= 8) alignment = read(value, bytes);
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

static double get(int type, const void *base, long long i) {
    if (type == 1) return ((const double *)base)[i];
    if (type == 0) return ((const float *)base)[i];
    unsigned bits = (unsigned)((const unsigned short *)base)[i] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* The product as the documentation defines it: matrices by columns, alpha op(A) op(B) + beta C. */
struct product { double alpha, beta; const void *a, *b; void *d, *workspace; size_t bytes; long long ta, tb, la[8], lb[8], ld[8]; };

static void run_product(void *data) {
    struct product *p = data;
    memset(p->workspace, 0xff, p->bytes);
    long long m = p->ld[2], n = p->ld[3], k = p->ta ? p->la[2] : p->la[3];
    for (long long batch = 0; batch < p->ld[5]; batch++)
        for (long long j = 0; j < n; j++)
            for (long long i = 0; i < m; i++) {
                double sum = 0;
                for (long long l = 0; l < k; l++)
                    sum += get(p->la[0], p->a, batch * p->la[6] + (p->ta ? l + i * p->la[4] : i + l * p->la[4]))
                         * get(p->lb[0], p->b, batch * p->lb[6] + (p->tb ? j + l * p->lb[4] : l + j * p->lb[4]));
                long long at = batch * p->ld[6] + i + j * p->ld[4];
                double value = p->alpha * sum + (p->beta ? p->beta * get(p->ld[0], p->d, at) : 0);
                if (p->ld[0] == 1) ((double *)p->d)[at] = value;
                else if (p->ld[0] == 0) ((float *)p->d)[at] = (float)value;
                else {
                    float rounded = (float)value;
                    unsigned bits;
                    memcpy(&bits, &rounded, 4);
                    ((unsigned short *)p->d)[at] = (unsigned short)(bits + 0x7fff + (bits >> 16 & 1) >> 16);
                }
            }
}

int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *adesc, const void *b, void *bdesc,
                   const void *beta, const void *c, void *cdesc, void *d, void *ddesc, const struct algo *algo,
                   void *workspace, size_t bytes, void *stream) {
    CALL(cublasLtMatmul, "%s, %s, %g, %p, %s, %p, %s, %g, %p, %s, %p, %s, %llx, %p, %zu, %s", fake_name(handle),
         fake_name(desc), *(const float *)alpha, a, fake_name(adesc), b, fake_name(bdesc), *(const float *)beta, c,
         fake_name(cdesc), d, fake_name(ddesc), algo->data[0], workspace, bytes, fake_name(stream));
    fake_take(algo->data[0]);
    if (!fake_computes) return 0;
    int wide = AT(descs, desc)[31] == 1;
    /* What the documentation asks of its arguments: inner extents, types, addresses as aligned as was said. */
    const long long *la = AT(layouts, adesc), *lb = AT(layouts, bdesc), *lc = AT(layouts, cdesc), *ld = AT(layouts, ddesc);
    int ta = AT(descs, desc)[3] == 1, tb = AT(descs, desc)[4] == 1;
    if (la[ta ? 2 : 3] != lb[tb ? 3 : 2] || la[ta ? 3 : 2] != ld[2] || lb[tb ? 2 : 3] != ld[3]) return 7;
    if (la[2] > la[4] || lb[2] > lb[4] || ld[2] > ld[4] || memcmp(lc, ld, sizeof descs[0])) return 7;
    if (la[5] != ld[5] || lb[5] != ld[5] || la[0] != lb[0]) return 7;
    if (wide ? ld[0] != 1 || la[0] != 1 : la[0] == 1 || ld[0] != la[0] && ld[0] != 0) return 15;
    if ((size_t)a % alignment || (size_t)b % alignment || (size_t)d % alignment || (size_t)workspace % 256) return 7;
    if (bytes < (algo->data[0] == 0xa1 ? 1 << 20 : 1 << 10)) return 7;
    struct product work = {wide ? *(const double *)alpha : *(const float *)alpha,
                           wide ? *(const double *)beta : *(const float *)beta, a, b, d, workspace, bytes,
                           AT(descs, desc)[3], AT(descs, desc)[4]};
    memcpy(work.la, AT(layouts, adesc), sizeof work.la);
    memcpy(work.lb, AT(layouts, bdesc), sizeof work.lb);
    memcpy(work.ld, AT(layouts, ddesc), sizeof work.ld);
    fake_enqueue(run_product, &work, sizeof work);
    return 0;
}
