/* cuDNN without arithmetic: it proposes what the test told it to, refuses a layout if told to, and writes down what it is given. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

struct proposal { int algo, status; float time; size_t memory; int determinism, math, reserved[3]; };

static struct proposal proposals[16];
static int count, refused_format = -1, refused_algo = -1, formats[4096], math;

/* What the test calls. */
void fake_cudnn_reset(void) { count = 0; refused_format = -1; refused_algo = -1; }
void fake_cudnn_refuse(int format, int algo) { refused_format = format; refused_algo = algo; }

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
    formats[(size_t)desc % 4096] = format;
    return 0;
}

int cudnnSetFilter4dDescriptor(void *desc, int type, int format, int k, int c, int h, int w) {
    CALL(cudnnSetFilter4dDescriptor, "%s, %d, %d, %d, %d, %d, %d", fake_name(desc), type, format, k, c, h, w);
    return 0;
}

int cudnnSetConvolution2dDescriptor(void *desc, int padh, int padw, int u, int v, int dh, int dw, int mode, int type) {
    CALL(cudnnSetConvolution2dDescriptor, "%s, %d, %d, %d, %d, %d, %d, %d, %d", fake_name(desc), padh, padw, u, v, dh, dw, mode,
         type);
    return 0;
}

int cudnnSetConvolutionMathType(void *desc, int type) {
    CALL(cudnnSetConvolutionMathType, "%s, %d", fake_name(desc), type);
    math = type;
    return 0;
}

int cudnnSetConvolutionGroupCount(void *desc, int count) {
    CALL(cudnnSetConvolutionGroupCount, "%s, %d", fake_name(desc), count);
    return 0;
}

static int answer(void *tensor, int asked, int *found, struct proposal *results) {
    if (formats[(size_t)tensor % 4096] == refused_format) return 3000;
    *found = count < asked ? count : asked;
    memcpy(results, proposals, *found * sizeof *results);
    return 0;
}

int cudnnGetConvolutionForwardAlgorithm_v7(void *handle, void *x, void *w, void *conv, void *y, int asked, int *found,
                                           struct proposal *results) {
    CALL(cudnnGetConvolutionForwardAlgorithm_v7, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(x), fake_name(w),
         fake_name(conv), fake_name(y), asked);
    return answer(x, asked, found, results);
}

int cudnnGetConvolutionBackwardDataAlgorithm_v7(void *handle, void *w, void *dy, void *conv, void *dx, int asked, int *found,
                                                struct proposal *results) {
    CALL(cudnnGetConvolutionBackwardDataAlgorithm_v7, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(w), fake_name(dy),
         fake_name(conv), fake_name(dx), asked);
    return answer(dx, asked, found, results);
}

int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void *handle, void *x, void *dy, void *conv, void *dw, int asked, int *found,
                                                  struct proposal *results) {
    CALL(cudnnGetConvolutionBackwardFilterAlgorithm_v7, "%s, %s, %s, %s, %s, %d", fake_name(handle), fake_name(x), fake_name(dy),
         fake_name(conv), fake_name(dw), asked);
    return answer(x, asked, found, results);
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

#define RUN(Direction)                                                                                                     \
    int cudnnConvolution##Direction(void *handle, const void *alpha, void *adesc, const void *a, void *bdesc,              \
                                    const void *b, void *conv, int algo, void *workspace, size_t bytes, const void *beta,  \
                                    void *cdesc, void *c) {                                                                \
        CALL(cudnnConvolution##Direction, "%s, %g, %s, %p, %s, %p, %s, %d, %p, %zu, %g, %s, %p; math %d",                  \
             fake_name(handle), *(const float *)alpha, fake_name(adesc), a, fake_name(bdesc), b, fake_name(conv), algo,    \
             workspace, bytes, *(const float *)beta, fake_name(cdesc), c, math);                                           \
        return 0;                                                                                                          \
    }

RUN(Forward)
RUN(BackwardData)
RUN(BackwardFilter)
