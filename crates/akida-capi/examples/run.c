/* Runs an .fbz model on one input of zeros, or on the bytes of a file: run MODEL [INPUT]. Prints the outputs. */
#include <akida_sim.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_all(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    size_t capacity = 0;
    *length = 0;
    while (file != NULL) {
        if (*length == capacity) {
            uint8_t *more = realloc(bytes, capacity = 2 * capacity + 4096);
            if (more == NULL) {
                break;
            }
            bytes = more;
        }
        size_t got = fread(bytes + *length, 1, capacity - *length, file);
        *length += got;
        if (got == 0) {
            int failed = ferror(file);
            fclose(file);
            if (!failed) {
                return bytes;
            }
            file = NULL;
        }
    }
    perror(path);
    exit(1);
}

static void check(akida_status status) {
    if (status != AKIDA_OK) {
        fprintf(stderr, "error %d: %s\n", (int)status, akida_error());
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: run MODEL [INPUT]\n");
        return 2;
    }
    size_t length;
    uint8_t *file = read_all(argv[1], &length);
    akida_model *model;
    check(akida_load(file, length, &model));
    free(file);

    akida_shape in = akida_input_shape(model);
    akida_shape out = akida_output_shape(model);
    size_t values = in.height * in.width * in.channels;
    size_t count = out.height * out.width * out.channels;
    printf("input %zux%zux%zu of %d bits, output %zux%zux%zu\n", in.height, in.width, in.channels,
           akida_input_bits(model), out.height, out.width, out.channels);

    uint8_t *input = argc == 3 ? read_all(argv[2], &length) : calloc(values, 1);
    int32_t *output = malloc(count * sizeof *output);
    if (input == NULL || output == NULL || (argc == 3 && length != values)) {
        fprintf(stderr, "the input must have %zu bytes\n", values);
        return 1;
    }
    check(akida_forward(model, input, 1, output, count, 1));
    for (size_t i = 0; i < count; i++) {
        printf("%d%c", (int)output[i], i + 1 < count ? ' ' : '\n');
    }
    free(output);
    free(input);
    akida_free(model);
    return 0;
}
