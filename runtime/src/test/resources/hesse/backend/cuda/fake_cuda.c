/* A driver without a device: device memory is host memory, and kernels are compiled by the host's compiler if they are to run. */
#include "fake.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define INVALID_VALUE 1
#define INVALID_HANDLE 400

static const char *KINDS[] = {
    "?", "context", "stream", "event", "module", "function", "graph", "exec", "device", "host",
    "cublas", "matmul", "layout", "preference", "cudnn", "tensor", "filter", "convolution", "program", "communicator"};
#define KIND_COUNT (sizeof KINDS / sizeof *KINDS)
#define PER_KIND 4000

static char lines[1 << 20];
static size_t used;
static char fail_call[64];
static int fail_after, fail_code;
static int made[KIND_COUNT];
static char alive[KIND_COUNT][PER_KIND];
static char names[PER_KIND][64];
static int capturing, arch = 90;

struct work { void (*run)(void *); void *data; };
struct recording { struct work *list; int count; };
static struct recording current, recordings[PER_KIND], executables[PER_KIND];
static void *libraries[PER_KIND];
static void (*entries[4096])(void **);
static const unsigned *sizes[4096];
static char host_header[512];
int fake_computes;

void fake_enqueue(void (*run)(void *), const void *data, size_t bytes) {
    void *copy = memcpy(malloc(bytes), data, bytes);
    if (!capturing) {
        run(copy);
        free(copy);
        return;
    }
    current.list = realloc(current.list, (current.count + 1) * sizeof *current.list);
    current.list[current.count++] = (struct work){run, copy};
}

/* From now on kernels run: they are compiled by the C++ compiler behind this header. */
void fake_compute(const char *header) {
    fake_computes = 1;
    strcpy(host_header, header);
}

void fake_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    used += vsnprintf(lines + used, sizeof lines - used, format, arguments);
    va_end(arguments);
    used += snprintf(lines + used, sizeof lines - used, ")\n");
}

int fake_status(const char *call) {
    if (strcmp(call, fail_call) || fail_after-- > 0) return 0;
    fail_call[0] = 0;
    return fail_code;
}

void *fake_make(enum fake_kind kind) {
    int number = ++made[kind];
    alive[kind][number] = 1;
    return (void *)(size_t)(0x100000 + kind * 0x1000 + number);
}

int fake_drop(enum fake_kind kind, void *handle) {
    size_t number = (size_t)handle - 0x100000 - kind * 0x1000;
    if (number >= PER_KIND || !alive[kind][number]) {
        fake_log("BAD %s %p", KINDS[kind], handle);
        return INVALID_HANDLE;
    }
    alive[kind][number] = 0;
    return 0;
}

const char *fake_name(const void *handle) {
    static char texts[16][32];
    static int next;
    size_t value = (size_t)handle;
    if (!value) return "null";
    char *text = texts[next++ % 16];
    size_t kind = (value - 0x100000) / 0x1000;
    if (value > 0x100000 && kind < KIND_COUNT) sprintf(text, "%s%zu", KINDS[kind], value % 0x1000);
    else sprintf(text, "0x%zx", value);
    return text;
}

static double now, costs[256], marks[0x1000];
void fake_take(int algorithm) { now += costs[algorithm & 255]; }

/* What the test calls. */
void fake_cost(int algorithm, double milliseconds) { costs[algorithm & 255] = milliseconds; }

void fake_reset(void) {
    memset(costs, 0, sizeof costs);
    used = 0;
    lines[0] = 0;
    fail_call[0] = 0;
    capturing = 0;
    arch = 90;
    memset(made, 0, sizeof made);
    memset(alive, 0, sizeof alive);
}

void fake_fail(const char *call, int after, int code) {
    strcpy(fail_call, call);
    fail_after = after;
    fail_code = code;
}

const char *fake_lines(void) { return lines; }

/* The compute capability of the device that is not there. */
void fake_arch(int capability) { arch = capability; }

int fake_alive(void) {
    int count = 0;
    for (size_t kind = 1; kind < KIND_COUNT; kind++)
        for (int i = 0; i < PER_KIND; i++) count += alive[kind][i] && kind != FUNCTION;
    return count;
}

/* The driver. */
int cuInit(unsigned flags) { CALL(cuInit, "%u", flags); return 0; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }

int cuGetErrorName(int error, const char **text) {
    *text = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER";
    return 0;
}

int cuGetErrorString(int error, const char **text) {
    *text = error == 700 ? "an illegal memory access was encountered" : "something else";
    return 0;
}

int cuDeviceGetCount(int *count) { *count = 2; CALL(cuDeviceGetCount); return 0; }
int cuDeviceGet(int *device, int ordinal) { CALL(cuDeviceGet, "%d", ordinal); *device = 40 + ordinal; return 0; }

int cuDeviceGetName(char *name, int length, int device) {
    snprintf(name, length, "Fake GPU %d", device);
    return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? arch / 10 : attribute == 76 ? arch % 10 : attribute == 16 ? 132 : attribute == 97 ? 232448 : -1;
    return 0;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 1ul << 30; return 0; }
int cuDeviceGetUuid_v2(char *uuid, int device) { memset(uuid, 7, 16); return 0; }

int cuDevicePrimaryCtxRetain(void **context, int device) {
    CALL(cuDevicePrimaryCtxRetain, "%d", device);
    *context = fake_make(CONTEXT);
    return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    CALL(cuDevicePrimaryCtxRelease_v2, "%d", device);
    return fake_drop(CONTEXT, (void *)(size_t)(0x100000 + CONTEXT * 0x1000 + made[CONTEXT]));
}

int cuCtxSetCurrent(void *context) { CALL(cuCtxSetCurrent, "%s", fake_name(context)); return 0; }
int cuCtxSynchronize(void) { CALL(cuCtxSynchronize); return 0; }

int cuStreamCreate(void **stream, unsigned flags) {
    CALL(cuStreamCreate, "%u", flags);
    *stream = fake_make(STREAM);
    return 0;
}

int cuStreamDestroy_v2(void *stream) { CALL(cuStreamDestroy_v2, "%s", fake_name(stream)); return fake_drop(STREAM, stream); }
int cuStreamSynchronize(void *stream) { CALL(cuStreamSynchronize, "%s", fake_name(stream)); return 0; }

int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
    CALL(cuStreamWaitEvent, "%s, %s, %u", fake_name(stream), fake_name(event), flags);
    return 0;
}

int cuStreamBeginCapture_v2(void *stream, int mode) {
    CALL(cuStreamBeginCapture_v2, "%s, %d", fake_name(stream), mode);
    capturing = 1;
    current = (struct recording){0, 0};
    return 0;
}

int cuStreamEndCapture(void *stream, void **graph) {
    capturing = 0;
    CALL(cuStreamEndCapture, "%s", fake_name(stream));
    *graph = fake_make(GRAPH);
    recordings[(size_t)*graph % 0x1000] = current;
    return 0;
}

int cuStreamIsCapturing(void *stream, int *state) { *state = capturing; return 0; }

int cuEventCreate(void **event, unsigned flags) {
    CALL(cuEventCreate, "%u", flags);
    *event = fake_make(EVENT);
    return 0;
}

int cuEventDestroy_v2(void *event) { CALL(cuEventDestroy_v2, "%s", fake_name(event)); return fake_drop(EVENT, event); }

int cuEventRecord(void *event, void *stream) {
    CALL(cuEventRecord, "%s, %s", fake_name(event), fake_name(stream));
    marks[(size_t)event % 0x1000] = now;
    return 0;
}

int cuEventQuery(void *event) { CALL(cuEventQuery, "%s", fake_name(event)); return 0; }
int cuEventSynchronize(void *event) { CALL(cuEventSynchronize, "%s", fake_name(event)); return 0; }

/* The older name only, as drivers before CUDA 12.8 have it. */
int cuEventElapsedTime(float *time, void *start, void *end) {
    CALL(cuEventElapsedTime, "%s, %s", fake_name(start), fake_name(end));
    *time = 1.5f + marks[(size_t)end % 0x1000] - marks[(size_t)start % 0x1000];
    return 0;
}

int cuMemGetInfo_v2(size_t *available, size_t *total) {
    *available = 100ul << 20;
    *total = 1ul << 30;
    return 0;
}

/* The address handed out is real memory behind a small header that remembers the counted handle. */
int cuMemAlloc_v2(unsigned long long *pointer, size_t bytes) {
    CALL(cuMemAlloc_v2, "%zu", bytes);
    char *block = aligned_alloc(256, (bytes + 511) / 256 * 256);
    *(void **)block = fake_make(DEVICE_MEMORY);
    *pointer = (unsigned long long)(block + 256);
    return 0;
}

int cuMemFree_v2(unsigned long long pointer) {
    void *handle = *(void **)(pointer - 256);
    CALL(cuMemFree_v2, "%s", fake_name(handle));
    return fake_drop(DEVICE_MEMORY, handle);
}

int cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags) {
    CALL(cuMemHostAlloc, "%zu, %u", bytes, flags);
    char *block = malloc(bytes + 64);
    *(void **)block = fake_make(HOST_MEMORY);
    *pointer = block + 64;
    return 0;
}

int cuMemFreeHost(void *pointer) {
    void *handle = *(void **)((char *)pointer - 64);
    CALL(cuMemFreeHost, "%s", fake_name(handle));
    return fake_drop(HOST_MEMORY, handle);
}

struct copy { void *target; const void *source; size_t bytes; int value; };

static void run_copy(void *data) {
    struct copy *c = data;
    if (c->source) memcpy(c->target, c->source, c->bytes);
    else memset(c->target, c->value, c->bytes);
}

static void copy(void *target, const void *source, size_t bytes, int value) {
    struct copy work = {target, source, bytes, value};
    fake_enqueue(run_copy, &work, sizeof work);
}

int cuMemcpyHtoDAsync_v2(unsigned long long target, const void *source, size_t bytes, void *stream) {
    CALL(cuMemcpyHtoDAsync_v2, "%llx, %zu, %s", target, bytes, fake_name(stream));
    copy((void *)target, source, bytes, 0);
    return 0;
}

int cuMemcpyDtoHAsync_v2(void *target, unsigned long long source, size_t bytes, void *stream) {
    CALL(cuMemcpyDtoHAsync_v2, "%llx, %zu, %s", source, bytes, fake_name(stream));
    copy(target, (void *)source, bytes, 0);
    return 0;
}

int cuMemcpyDtoDAsync_v2(unsigned long long target, unsigned long long source, size_t bytes, void *stream) {
    CALL(cuMemcpyDtoDAsync_v2, "%llx, %llx, %zu, %s", target, source, bytes, fake_name(stream));
    copy((void *)target, (void *)source, bytes, 0);
    return 0;
}

int cuMemsetD8Async(unsigned long long target, unsigned char value, size_t count, void *stream) {
    CALL(cuMemsetD8Async, "%llx, %u, %zu, %s", target, value, count, fake_name(stream));
    copy((void *)target, 0, count, value);
    return 0;
}

int cuMemsetD32Async(unsigned long long target, unsigned value, size_t count, void *stream) {
    CALL(cuMemsetD32Async, "%llx, %u, %zu, %s", target, value, count, fake_name(stream));
    return 0;
}

/* The image is CUDA C: the fake compiler passes the source through. Behind it comes a caller for each kernel. */
static void *compiled(const char *source) {
    static int number;
    static struct { unsigned long long hash; void *handle; } known[PER_KIND];
    unsigned long long hash = 14695981039346656037ull;
    for (const char *at = source; *at; at++) hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
    for (int i = 1; i <= number && i < PER_KIND; i++)
        if (known[i].hash == hash) return known[i].handle;
    char file[640], library[640], command[4096], folder[512];
    strcpy(folder, host_header);
    *strrchr(folder, '/') = 0;
    /* A name that no other copy of this library uses: the loader would take the second for the first. */
    sprintf(file, "%s/kernel-%d.cpp", folder, ++number);
    sprintf(library, "%s/kernel-%d.so", folder, number);
    FILE *out = fopen(file, "w");
    fprintf(out, "#include \"%s\"\n%s\n", host_header, source);
    for (const char *at = source; (at = strstr(at, "__global__ void ")); at++) {
        const char *begin = at + strlen("__global__ void ");
        if (!strncmp(begin, "__launch_bounds__", 17)) begin = strstr(begin, ") ") + 2;
        fprintf(out, "HESSE_KERNEL(%.*s)\n", (int)(strchr(begin, '(') - begin), begin);
    }
    fclose(out);
    sprintf(command,
            "cc -x c++ -std=c++17 -O0 -pipe -ffp-contract=off -fno-strict-aliasing -w -shared -fPIC -o %s %s -x none %s/libcuda.so.1"
            " -lm",
            library, file, folder);
    void *handle = system(command) ? 0 : dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) fprintf(stderr, "%s: %s\n", command, dlerror());
    if (handle) remove(file);
    if (handle && number < PER_KIND) known[number].hash = hash, known[number].handle = handle;
    remove(library);
    return handle;
}

/* One block after another; its threads are fibers that take turns at barriers. */
struct index { unsigned x, y, z; } threadIdx, blockIdx, blockDim, gridDim;
struct fiber { ucontext_t context; struct index index; int done; };
#define STACK (64 << 10)
#define MOST_THREADS 1024
static ucontext_t scheduler;
static struct fiber fibers[MOST_THREADS], *running;
static char stacks[MOST_THREADS][STACK];
static int votes, vote_result;
static void (*block_entry)(void **);
static void **block_arguments;

void fake_barrier(void) {
    struct fiber *mine = running;
    swapcontext(&mine->context, &scheduler);
    threadIdx = mine->index;
}

/* Every thread adds its vote and waits; the scheduler turns votes into the result between two rounds. */
int fake_barrier_or(int vote) {
    votes |= vote != 0;
    fake_barrier();
    return vote_result;
}

static void fiber_main(void) {
    struct fiber *mine = running;
    threadIdx = mine->index;
    block_entry(block_arguments);
    mine->done = 1;
    swapcontext(&mine->context, &scheduler);
}

static void run_grid(void (*entry)(void **), const unsigned *shape, void **arguments) {
    gridDim = (struct index){shape[0], shape[1], shape[2]};
    blockDim = (struct index){shape[3], shape[4], shape[5]};
    unsigned threads = shape[3] * shape[4] * shape[5];
    block_entry = entry;
    block_arguments = arguments;
    for (unsigned block = 0; block < shape[0] * shape[1] * shape[2]; block++) {
        blockIdx = (struct index){block % shape[0], block / shape[0] % shape[1], block / shape[0] / shape[1]};
        for (unsigned t = 0; t < threads; t++) {
            struct fiber *f = &fibers[t];
            f->index = (struct index){t % shape[3], t / shape[3] % shape[4], t / shape[3] / shape[4]};
            f->done = 0;
            getcontext(&f->context);
            f->context.uc_stack.ss_sp = stacks[t];
            f->context.uc_stack.ss_size = STACK;
            f->context.uc_link = 0;
            makecontext(&f->context, fiber_main, 0);
        }
        for (unsigned left = threads; left;) {
            left = 0;
            for (unsigned t = 0; t < threads; t++) {
                if (fibers[t].done) continue;
                running = &fibers[t];
                swapcontext(&scheduler, &fibers[t].context);
                left += !fibers[t].done;
            }
            vote_result = votes;
            votes = 0;
        }
    }
}

int cuModuleLoadData(void **module, const void *image) {
    CALL(cuModuleLoadData, "%.40s", (const char *)image);
    *module = fake_make(MODULE);
    libraries[(size_t)*module % 0x1000] = fake_computes ? compiled(image) : 0;
    return 0;
}

int cuModuleUnload(void *module) { CALL(cuModuleUnload, "%s", fake_name(module)); return fake_drop(MODULE, module); }

int cuModuleGetFunction(void **function, void *module, const char *name) {
    CALL(cuModuleGetFunction, "%s, %s", fake_name(module), name);
    *function = fake_make(FUNCTION);
    strncpy(names[(size_t)*function % 0x1000], name, 63);
    void *library = libraries[(size_t)module % 0x1000];
    char symbol[80];
    sprintf(symbol, "%s_call", name);
    entries[(size_t)*function % 0x1000] = library ? dlsym(library, symbol) : 0;
    if (fake_computes && !entries[(size_t)*function % 0x1000]) return 500;
    sprintf(symbol, "%s_sizes", name);
    sizes[(size_t)*function % 0x1000] = library ? ((const unsigned *(*)(void))dlsym(library, symbol))() : 0;
    return 0;
}

int cuFuncSetAttribute(void *function, int attribute, int value) {
    CALL(cuFuncSetAttribute, "%s, %d, %d", fake_name(function), attribute, value);
    return 0;
}

int cuFuncGetAttribute(int *value, int attribute, void *function) {
    *value = attribute == 4 ? 32 : attribute == 3 ? 0 : -1;
    return 0;
}

int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int size, size_t shared) {
    CALL(cuOccupancyMaxActiveBlocksPerMultiprocessor, "%s, %d, %zu", fake_name(function), size, shared);
    *blocks = 2048 / size;
    return 0;
}

#define PARAMETER_BYTES 4096
struct launch { void (*entry)(void **); unsigned shape[6]; const unsigned *sizes; char parameters[PARAMETER_BYTES]; };

/* Parameters lie one behind the other, each at a multiple of 8 bytes. */
static unsigned place(unsigned end) { return (end + 7) & ~7u; }

static void run_launch(void *data) {
    struct launch *l = data;
    void *pointers[64];
    unsigned at = 0;
    for (int i = 0; l->sizes[i]; i++, at = place(at + l->sizes[i - 1])) pointers[i] = l->parameters + at;
    run_grid(l->entry, l->shape, pointers);
}

/* The number at the end of a kernel's name says how many arguments it takes; all are written as 64-bit numbers. */
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **parameters, void **extra) {
    char text[512] = "";
    const char *digits = strrchr(names[(size_t)function % 0x1000], '_');
    int count = digits ? atoi(digits + 1) : 0;
    for (int i = 0; i < count; i++)
        sprintf(text + strlen(text), " %llx", *(unsigned long long *)parameters[i]);
    CALL(cuLaunchKernel, "%s, %u %u %u, %u %u %u, %u, %s, [%s ], %s", fake_name(function), gx, gy, gz, bx, by, bz, shared,
         fake_name(stream), text, fake_name(extra));
    if (!entries[(size_t)function % 0x1000]) return 0;
    struct launch work = {entries[(size_t)function % 0x1000], {gx, gy, gz, bx, by, bz}, sizes[(size_t)function % 0x1000]};
    unsigned at = 0;
    for (int i = 0; work.sizes[i]; at = place(at + work.sizes[i]), i++) {
        if (at + work.sizes[i] > PARAMETER_BYTES) return INVALID_VALUE;
        memcpy(work.parameters + at, parameters[i], work.sizes[i]);
    }
    fake_enqueue(run_launch, &work, sizeof work);
    return 0;
}

int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags) {
    CALL(cuGraphInstantiateWithFlags, "%s, %llu", fake_name(graph), flags);
    *exec = fake_make(EXEC);
    executables[(size_t)*exec % 0x1000] = recordings[(size_t)graph % 0x1000];
    return 0;
}

int cuGraphUpload(void *exec, void *stream) { CALL(cuGraphUpload, "%s, %s", fake_name(exec), fake_name(stream)); return 0; }

int cuGraphLaunch(void *exec, void *stream) {
    CALL(cuGraphLaunch, "%s, %s", fake_name(exec), fake_name(stream));
    struct recording *r = &executables[(size_t)exec % 0x1000];
    for (int i = 0; i < r->count; i++) r->list[i].run(r->list[i].data);
    return 0;
}
int cuGraphExecDestroy(void *exec) { CALL(cuGraphExecDestroy, "%s", fake_name(exec)); return fake_drop(EXEC, exec); }
int cuGraphDestroy(void *graph) { CALL(cuGraphDestroy, "%s", fake_name(graph)); return fake_drop(GRAPH, graph); }
