/* NCCL of one rank: writes down what it is given, and the sum over one rank is a copy. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

typedef struct { char internal[128]; } id;

static int group;

int ncclGetVersion(int *version) { *version = 22304; return 0; }
const char *ncclGetErrorString(int status) { return status == 5 ? "invalid usage" : "unhandled"; }
const char *ncclGetLastError(void *communicator) { return "Duplicate GPU detected"; }

int ncclGetUniqueId(id *unique) {
    CALL(ncclGetUniqueId);
    for (int i = 0; i < 128; i++) unique->internal[i] = (char)(i * 7);
    return 0;
}

int ncclCommInitRank(void **communicator, int size, id unique, int rank) {
    int whole = 1;
    for (int i = 0; i < 128; i++) whole &= unique.internal[i] == (char)(i * 7);
    CALL(ncclCommInitRank, "%d, %s, %d", size, whole ? "id" : "BAD id", rank);
    *communicator = fake_make(COMMUNICATOR);
    return 0;
}

int ncclCommDestroy(void *communicator) {
    CALL(ncclCommDestroy, "%s", fake_name(communicator));
    return fake_drop(COMMUNICATOR, communicator);
}

int ncclGroupStart(void) { CALL(ncclGroupStart); group++; return 0; }
int ncclGroupEnd(void) { CALL(ncclGroupEnd); group--; return 0; }

struct copy { const void *from; void *to; size_t bytes; };
static void copy(void *data) {
    struct copy *c = data;
    memmove(c->to, c->from, c->bytes);
}

static size_t bytes(int type) { return type < 2 ? 1 : type == 6 || type == 9 ? 2 : type == 4 || type == 5 || type == 8 ? 8 : 4; }

int ncclAllReduce(const void *from, void *to, size_t count, int type, int op, void *communicator, void *stream) {
    CALL(ncclAllReduce, "%s, %zu, %d, %d, %s, %s", from == to ? "in place" : "apart", count, type, op, fake_name(communicator),
         fake_name(stream));
    struct copy c = {from, to, count * bytes(type)};
    fake_enqueue(copy, &c, sizeof c);
    return 0;
}

int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, void *communicator, void *stream) {
    CALL(ncclBroadcast, "%zu, %d, %d, %s, %s", count, type, root, fake_name(communicator), fake_name(stream));
    return 0;
}
