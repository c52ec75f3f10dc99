/* Runs an .fbz model on one input of zeros, or on the inputs in a file: run MODEL [INPUT]. Prints a line for each
 * input.
 *
 * The file has values of the model's input type, as this machine stores them. A model with state takes the inputs as
 * steps of one stream.
 */
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

static int failed(akida_status status) {
    if (status != AKIDA_OK) {
        fprintf(stderr, "error %d: %s\n", (int)status, akida_error());
    }
    return status != AKIDA_OK;
}

static size_t size_of(akida_type type) {
    switch (type) {
    case AKIDA_INT16:
        return 2;
    case AKIDA_INT32:
    case AKIDA_FLOAT32:
        return 4;
    default:
        return 1;
    }
}

static akida_status run(const akida_model *model, const void *input, size_t count, int32_t *output, size_t length) {
    akida_type type = akida_input_type(model);
    if (!akida_has_state(model)) {
        return akida_forward_typed(model, input, type, count, output, length, 1);
    }
    akida_session *session;
    akida_status status = akida_session_new(model, 1, &session);
    if (status == AKIDA_OK) {
        status = akida_session_run(session, input, type, count, output, length);
        akida_session_free(session);
    }
    return status;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: run MODEL [INPUT]\n");
        return 2;
    }
    size_t length;
    uint8_t *file = read_all(argv[1], &length);
    akida_model *model;
    int unread = failed(akida_load(file, length, &model));
    free(file);
    if (unread) {
        return 1;
    }

    akida_shape in = akida_input_shape(model);
    akida_shape out = akida_output_shape(model);
    size_t bytes = in.height * in.width * in.channels * size_of(akida_input_type(model));
    size_t each = out.height * out.width * out.channels;
    printf("input %zux%zux%zu of %d bits, output %zux%zux%zu\n", in.height, in.width, in.channels,
           akida_input_bits(model), out.height, out.width, out.channels);

    length = bytes;
    uint8_t *input = argc == 3 ? read_all(argv[2], &length) : calloc(bytes, 1);
    size_t count = length / bytes;
    int32_t *output = malloc(count * each * sizeof *output);
    int result = 1;
    if (input == NULL || output == NULL || count == 0 || length % bytes != 0) {
        fprintf(stderr, "each input must have %zu bytes\n", bytes);
    } else if (!failed(run(model, input, count, output, count * each))) {
        for (size_t i = 0; i < count * each; i++) {
            printf("%d%c", (int)output[i], (i + 1) % each ? ' ' : '\n');
        }
        result = 0;
    }
    free(output);
    free(input);
    akida_free(model);
    return result;
}
