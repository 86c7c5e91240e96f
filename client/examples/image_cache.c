/*
 * Copies an image out of another node's cache. First without a lock: between a stamp and its
 * validation nobody has written. Else under the shared lock, so that its owner does not age it out.
 * Where the lock cannot be had soon, the image comes from the store.
 *
 *     image_cache NAME FILE COPY
 */
#include <stdio.h>

#include <holdfast.h>

static int copy(const char *from, const char *to)
{
    char bytes[64 * 1024];
    size_t size = 0;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    while (in && out && (size = fread(bytes, 1, sizeof bytes, in)) > 0)
        if (fwrite(bytes, 1, size, out) != size)
            break;
    int good = in && out && !ferror(in) && !ferror(out);
    if (in)
        fclose(in);
    return (!out || fclose(out) == 0) && good;
}

static int copy_unlocked(struct hf *hf, char **argv)
{
    struct hf_stamp stamp = {.size = sizeof stamp};
    return hf_stamp(hf, argv[1], 500, &stamp) == HF_OK && copy(argv[2], argv[3]) &&
           hf_validate(hf, argv[1], &stamp, 500) == HF_OK;
}

static int copy_locked(struct hf *hf, char **argv)
{
    struct hf_hold *hold;
    struct hf_options options = {.size = sizeof options, .mode = HF_SHARED, .timeout_ms = 500};
    if (hf_acquire(hf, argv[1], &options, &hold) != HF_OK)
        return 0;
    int good = copy(argv[2], argv[3]);
    return hf_release(hold) == HF_OK && good; /* HF_LOST: the copy may be of a half-aged image */
}

int main(int argc, char **argv)
{
    struct hf *hf;
    if (argc != 4)
        return 64;
    if (hf_open(NULL, &hf) == HF_OK && copy_unlocked(hf, argv))
        printf("copied, and nobody wrote meanwhile\n");
    else if (hf && copy_locked(hf, argv))
        printf("copied under the lock\n");
    else
        printf("from the store: %s\n", hf_error_detail());
    return hf_close(hf) == HF_OK ? 0 : 1;
}
