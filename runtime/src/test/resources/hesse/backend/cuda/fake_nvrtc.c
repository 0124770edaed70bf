/* A compiler whose machine code is its source, and whose error is the word error. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

static char source[1 << 20], options[4096];

int nvrtcVersion(int *major, int *minor) { *major = 12; *minor = 8; return 0; }
const char *nvrtcGetErrorString(int status) { return status == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_OTHER"; }
int nvrtcGetNumSupportedArchs(int *count) { *count = 3; return 0; }
int nvrtcGetSupportedArchs(int *archs) { archs[0] = 80; archs[1] = 90; archs[2] = 100; return 0; }

int nvrtcCreateProgram(void **program, const char *text, const char *name, int headers, const char **h, const char **n) {
    CALL(nvrtcCreateProgram, "%s, %d, %s, %s", name, headers, fake_name(h), fake_name(n));
    strcpy(source, text);
    *program = fake_make(PROGRAM);
    return 0;
}

int nvrtcDestroyProgram(void **program) { CALL(nvrtcDestroyProgram, "%s", fake_name(*program)); return fake_drop(PROGRAM, *program); }

int nvrtcCompileProgram(void *program, int count, const char **list) {
    options[0] = 0;
    for (int i = 0; i < count; i++) sprintf(options + strlen(options), " %s", list[i]);
    CALL(nvrtcCompileProgram, "%s,%s", fake_name(program), options);
    return strstr(source, "an error") ? 6 : 0;
}

int nvrtcGetProgramLogSize(void *program, size_t *bytes) { *bytes = 64; return 0; }
int nvrtcGetProgramLog(void *program, char *text) { snprintf(text, 64, "kernel(1): that is an error\n"); return 0; }
int nvrtcGetCUBINSize(void *program, size_t *bytes) { *bytes = strlen(source); return 0; }
int nvrtcGetCUBIN(void *program, char *image) { memcpy(image, source, strlen(source)); return 0; }
int nvrtcGetPTXSize(void *program, size_t *bytes) { *bytes = strlen(source) + 1; return 0; }
int nvrtcGetPTX(void *program, char *image) { strcpy(image, source); return 0; }
