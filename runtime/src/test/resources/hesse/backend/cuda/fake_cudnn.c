/* cuDNN by definition: it proposes what the test told it to, refuses what the test or its own tables say, writes down what it is
   given, and convolves plainly by its descriptors if it is to. That checks what it is given, and says nothing of cuDNN's arithmetic. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_PARAM 2000
#define NOT_SUPPORTED 3000

/* What the descriptors hold, by handle. */
struct tensor { int format, type, n, c, h, w; };
struct convolution { int padh, padw, u, v, dh, dw, mode, type, groups, math; };
static struct tensor tensors[4096], filters[4096];
static struct convolution convolutions[4096];
#define AT(array, handle) array[(size_t)(handle) % 4096]

struct proposal { int algo, status; float time; size_t memory; int determinism, math, reserved[3]; };

static struct proposal proposals[16];
static int count, refused_format = -1, refused_algo = -1, refuses_to_add;

/* What the test calls. */
void fake_cudnn_reset(void) { count = 0; refused_format = -1; refused_algo = -1; refuses_to_add = 0; }
void fake_cudnn_refuse(int format, int algo) { refused_format = format; refused_algo = algo; }
void fake_cudnn_refuse_to_add(void) { refuses_to_add = 1; }

void fake_cudnn_propose(int algo, int status, long memory, int determinism, int math_type) {
    struct proposal one = {algo, status, 1, memory, determinism, math_type, {0}};
    proposals[count++] = one;
}

size_t cudnnGetVersion(void) { return 90600; }

const char *cudnnGetErrorString(int status) {
    return status == 3000 ? "CUDNN_STATUS_NOT_SUPPORTED" : status == 5000 ? "CUDNN_STATUS_EXECUTION_FAILED" : "CUDNN_STATUS_OTHER";
}

void cudnnGetLastErrorString(char *text, size_t bytes) { snprintf(text, bytes, "the fake says no"); }
int cudnnCreate(void **handle) { CALL(cudnnCreate); *handle = fake_make(CUDNN); return 0; }
int cudnnDestroy(void *handle) { CALL(cudnnDestroy, "%s", fake_name(handle)); return fake_drop(CUDNN, handle); }
int cudnnSetStream(void *handle, void *stream) { CALL(cudnnSetStream, "%s, %s", fake_name(handle), fake_name(stream)); return 0; }

#define DESCRIPTOR(Name, KIND)                                                                    \
    int cudnnCreate##Name##Descriptor(void **desc) {                                              \
        CALL(cudnnCreate##Name##Descriptor);                                                      \
        *desc = fake_make(KIND);                                                                  \
        return 0;                                                                                 \
    }                                                                                             \
    int cudnnDestroy##Name##Descriptor(void *desc) {                                              \
        CALL(cudnnDestroy##Name##Descriptor, "%s", fake_name(desc));                              \
        return fake_drop(KIND, desc);                                                             \
    }

DESCRIPTOR(Tensor, TENSOR)
DESCRIPTOR(Filter, FILTER)
DESCRIPTOR(Convolution, CONVOLUTION)

int cudnnSetTensor4dDescriptor(void *desc, int format, int type, int n, int c, int h, int w) {
    CALL(cudnnSetTensor4dDescriptor, "%s, %d, %d, %d, %d, %d, %d", fake_name(desc), format, type, n, c, h, w);
    AT(tensors, desc) = (struct tensor){format, type, n, c, h, w};
    return 0;
}

int cudnnSetFilter4dDescriptor(void *desc, int type, int format, int k, int c, int h, int w) {
    CALL(cudnnSetFilter4dDescriptor, "%s, %d, %d, %d, %d, %d, %d", fake_name(desc), type, format, k, c, h, w);
    AT(filters, desc) = (struct tensor){format, type, k, c, h, w};
    return 0;
}

int cudnnSetConvolution2dDescriptor(void *desc, int padh, int padw, int u, int v, int dh, int dw, int mode, int type) {
    CALL(cudnnSetConvolution2dDescriptor, "%s, %d, %d, %d, %d, %d, %d, %d, %d", fake_name(desc), padh, padw, u, v, dh, dw, mode,
         type);
    AT(convolutions, desc) = (struct convolution){padh, padw, u, v, dh, dw, mode, type, 1, 0};
    return 0;
}

int cudnnSetConvolutionMathType(void *desc, int type) {
    CALL(cudnnSetConvolutionMathType, "%s, %d", fake_name(desc), type);
    AT(convolutions, desc).math = type;
    return 0;
}

int cudnnSetConvolutionGroupCount(void *desc, int count) {
    CALL(cudnnSetConvolutionGroupCount, "%s, %d", fake_name(desc), count);
    AT(convolutions, desc).groups = count;
    return 0;
}

static int extent(int in, int pad, int filter, int stride, int dilation) {
    return (in + 2 * pad - (filter - 1) * dilation - 1) / stride + 1;
}

/* The descriptors must belong together, and their types be a combination of the documentation's tables: all alike, doubles only with
   channels first. */
static int judge(const struct tensor *x, const struct tensor *w, const struct tensor *y, const struct convolution *v) {
    if (x->format != w->format || x->format != y->format || v->mode != 1) return BAD_PARAM;
    if (w->c * v->groups != x->c || w->n != y->c || x->n != y->n || w->n % v->groups) return BAD_PARAM;
    if (y->h != extent(x->h, v->padh, w->h, v->u, v->dh) || y->w != extent(x->w, v->padw, w->w, v->v, v->dw)) return BAD_PARAM;
    if (x->type != w->type || x->type != y->type) return NOT_SUPPORTED;
    if (v->type != (x->type == 1)) return NOT_SUPPORTED;
    if (x->type == 1 && x->format == 1) return NOT_SUPPORTED;
    return 0;
}

static int answer(void *x, void *w, void *y, void *conv, int asked, int *found, struct proposal *results) {
    if (AT(tensors, x).format == refused_format) return NOT_SUPPORTED;
    int status = fake_computes ? judge(&AT(tensors, x), &AT(filters, w), &AT(tensors, y), &AT(convolutions, conv)) : 0;
    if (status) return status;
    *found = count < asked ? count : asked;
    memcpy(results, proposals, *found * sizeof *results);
    return 0;
}

int cudnnGetConvolutionForwardAlgorithm_v7(void *handle, void *x, void *w, void *conv, void *y, int asked, int *found,
                                           struct proposal *results) {
    CALL(cudnnGetConvolutionForwardAlgorithm_v7, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(x), fake_name(w),
         fake_name(conv), fake_name(y), asked);
    return answer(x, w, y, conv, asked, found, results);
}

int cudnnGetConvolutionBackwardDataAlgorithm_v7(void *handle, void *w, void *dy, void *conv, void *dx, int asked, int *found,
                                                struct proposal *results) {
    CALL(cudnnGetConvolutionBackwardDataAlgorithm_v7, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(w), fake_name(dy),
         fake_name(conv), fake_name(dx), asked);
    return answer(dx, w, dy, conv, asked, found, results);
}

int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void *handle, void *x, void *dy, void *conv, void *dw, int asked, int *found,
                                                  struct proposal *results) {
    CALL(cudnnGetConvolutionBackwardFilterAlgorithm_v7, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(x), fake_name(dy),
         fake_name(conv), fake_name(dw), asked);
    return answer(x, dw, dy, conv, asked, found, results);
}

static int size(int algo, size_t *bytes) {
    if (algo == refused_algo) return 3000;
    *bytes = 0;
    for (int i = 0; i < count; i++)
        if (proposals[i].algo == algo) *bytes = proposals[i].memory;
    return 0;
}

#define WORKSPACE(Direction)                                                                                               \
    int cudnnGetConvolution##Direction##WorkspaceSize(void *handle, void *a, void *b, void *conv, void *c, int algo,       \
                                                      size_t *bytes) {                                                     \
        CALL(cudnnGetConvolution##Direction##WorkspaceSize, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(a),     \
             fake_name(b), fake_name(conv), fake_name(c), algo);                                                           \
        return size(algo, bytes);                                                                                          \
    }

WORKSPACE(Forward)
WORKSPACE(BackwardData)
WORKSPACE(BackwardFilter)

static double get(int type, const void *base, long long i) {
    if (type == 1) return ((const double *)base)[i];
    if (type == 0) return ((const float *)base)[i];
    unsigned bits = (unsigned)((const unsigned short *)base)[i] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static void put(int type, void *base, long long i, double value) {
    if (type == 1) ((double *)base)[i] = value;
    else if (type == 0) ((float *)base)[i] = (float)value;
    else {
        float rounded = (float)value;
        unsigned bits;
        memcpy(&bits, &rounded, 4);
        ((unsigned short *)base)[i] = (unsigned short)(bits + 0x7fff + (bits >> 16 & 1) >> 16);
    }
}

/* Where an element lies: format 0 has channels first, 1 last. */
static long long at(const struct tensor *t, int n, int c, int h, int w) {
    return t->format == 1 ? (((long long)n * t->h + h) * t->w + w) * t->c + c : (((long long)n * t->c + c) * t->h + h) * t->w + w;
}

struct work {
    struct tensor x, w, y;
    struct convolution v;
    int written;
    double alpha, beta;
    void *px, *pw, *py, *workspace;
    size_t bytes;
};

/* Every product x·w that belongs to y, added to whichever of the three is written (0: y, 1: x, 2: w). */
static void run_convolution(void *data) {
    struct work *p = data;
    const struct tensor *target = p->written == 0 ? &p->y : p->written == 1 ? &p->x : &p->w;
    void *out = p->written == 0 ? p->py : p->written == 1 ? p->px : p->pw;
    long long size = (long long)target->n * target->c * target->h * target->w;
    double *sums = calloc(size, sizeof *sums);
    memset(p->workspace, 0xff, p->bytes);
    for (int n = 0; n < p->y.n; n++)
        for (int k = 0; k < p->y.c; k++)
            for (int oh = 0; oh < p->y.h; oh++)
                for (int ow = 0; ow < p->y.w; ow++)
                    for (int r = 0; r < p->w.h; r++)
                        for (int s = 0; s < p->w.w; s++) {
                            int h = oh * p->v.u - p->v.padh + r * p->v.dh, w = ow * p->v.v - p->v.padw + s * p->v.dw;
                            if (h < 0 || h >= p->x.h || w < 0 || w >= p->x.w) continue;
                            for (int c = 0; c < p->w.c; c++) {
                                long long iy = at(&p->y, n, k, oh, ow), iw = at(&p->w, k, c, r, s);
                                long long ix = at(&p->x, n, k / (p->y.c / p->v.groups) * p->w.c + c, h, w);
                                if (p->written == 0) sums[iy] += get(p->x.type, p->px, ix) * get(p->w.type, p->pw, iw);
                                else if (p->written == 1) sums[ix] += get(p->y.type, p->py, iy) * get(p->w.type, p->pw, iw);
                                else sums[iw] += get(p->y.type, p->py, iy) * get(p->x.type, p->px, ix);
                            }
                        }
    for (long long i = 0; i < size; i++)
        put(target->type, out, i, p->alpha * sums[i] + (p->beta ? p->beta * get(target->type, out, i) : 0));
    free(sums);
}

static int convolve(int written, void *x, const void *px, void *w, const void *pw, void *y, const void *py, void *conv, int algo,
                    void *workspace, size_t bytes, const void *alpha, const void *beta) {
    fake_take(algo);
    if (!fake_computes) return 0;
    struct work work = {AT(tensors, x), AT(filters, w), AT(tensors, y), AT(convolutions, conv), written};
    int wide = work.x.type == 1;
    work.alpha = wide ? *(const double *)alpha : *(const float *)alpha;
    work.beta = wide ? *(const double *)beta : *(const float *)beta;
    work.px = (void *)px, work.pw = (void *)pw, work.py = (void *)py, work.workspace = workspace, work.bytes = bytes;
    size_t needed;
    int status = judge(&work.x, &work.w, &work.y, &work.v);
    if (status || (status = size(algo, &needed))) return status;
    if (work.beta && refuses_to_add) return NOT_SUPPORTED;
    if (bytes < needed || (size_t)workspace % 256 || (size_t)px % 16 || (size_t)pw % 16 || (size_t)py % 16) return BAD_PARAM;
    fake_enqueue(run_convolution, &work, sizeof work);
    return 0;
}

#define RUN(Direction, written, x, px, w, pw, y, py)                                                                       \
    int cudnnConvolution##Direction(void *handle, const void *alpha, void *adesc, const void *a, void *bdesc,              \
                                    const void *b, void *conv, int algo, void *workspace, size_t bytes, const void *beta,  \
                                    void *cdesc, void *c) {                                                                \
        CALL(cudnnConvolution##Direction, "%s, %g, %s, %p, %s, %p, %s, %d, %p, %zu, %g, %s, %p; math %d",                  \
             fake_name(handle), *(const float *)alpha, fake_name(adesc), a, fake_name(bdesc), b, fake_name(conv), algo,    \
             workspace, bytes, *(const float *)beta, fake_name(cdesc), c, AT(convolutions, conv).math);                    \
        return convolve(written, x, px, w, pw, y, py, conv, algo, workspace, bytes, alpha, beta);                          \
    }

RUN(Forward, 0, adesc, a, bdesc, b, cdesc, c)
RUN(BackwardData, 1, cdesc, c, adesc, a, bdesc, b)
RUN(BackwardFilter, 2, adesc, a, cdesc, c, bdesc, b)
