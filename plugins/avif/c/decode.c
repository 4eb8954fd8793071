// dav1d behind flat functions: its public structs differ between versions, so they are read here, by the headers that
// the library came with, and never cross into Rust.

#include <dav1d/dav1d.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sq_decoder {
    Dav1dContext *context;
    Dav1dPicture picture;
    int has_picture;
};

struct sq_picture {
    uint32_t width, height;
    uint32_t layout;  // 0: 4:0:0, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4
    uint32_t depth;
    uint32_t full_range, primaries, transfer, matrix, chroma_position;
    uint32_t spatial_id;
    // Bytes at 8 bit, else words; strides in bytes. Borrowed until the next call for this decoder.
    const void *planes[3];
    ptrdiff_t strides[3];
};

const char *sq_dav1d_version(void) { return dav1d_version(); }

// One thread, frames as they are shown. NULL without memory.
struct sq_decoder *sq_decoder_open(uint32_t operating_point, uint32_t all_layers, uint32_t max_pixels) {
    struct sq_decoder *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    Dav1dSettings s;
    dav1d_default_settings(&s);
    s.n_threads = 1;
    s.max_frame_delay = 1;
    s.operating_point = (int)(operating_point & 31);
    s.all_layers = all_layers != 0;
    s.frame_size_limit = max_pixels;
    s.logger.callback = NULL;
    if (dav1d_open(&d->context, &s) < 0) {
        free(d);
        return NULL;
    }
    return d;
}

void sq_decoder_close(struct sq_decoder *d) {
    if (d->has_picture) dav1d_picture_unref(&d->picture);
    dav1d_close(&d->context);
    free(d);
}

static void fill(const Dav1dPicture *p, struct sq_picture *out) {
    out->width = (uint32_t)p->p.w;
    out->height = (uint32_t)p->p.h;
    // DAV1D_PIXEL_LAYOUT_I400 to I444 have the numbers 0 to 3.
    out->layout = (uint32_t)p->p.layout;
    out->depth = (uint32_t)p->p.bpc;
    out->full_range = (uint32_t)p->seq_hdr->color_range;
    out->primaries = (uint32_t)p->seq_hdr->pri;
    out->transfer = (uint32_t)p->seq_hdr->trc;
    out->matrix = (uint32_t)p->seq_hdr->mtrx;
    out->chroma_position = (uint32_t)p->seq_hdr->chr;
    out->spatial_id = (uint32_t)p->frame_hdr->spatial_id;
    for (int i = 0; i < 3; i++) {
        out->planes[i] = p->data[i];
        out->strides[i] = p->stride[i ? 1 : 0];
    }
}

// Feeds one temporal unit, or what is left with length 0, and takes its last picture: of layers the highest. 0: there is
// one, 1: there is none, 2: the data is wrong, 3: out of memory or beyond the limit of pixels.
int sq_decoder_decode(struct sq_decoder *d, const uint8_t *bytes, size_t length, struct sq_picture *out) {
    if (d->has_picture) {
        dav1d_picture_unref(&d->picture);
        d->has_picture = 0;
    }
    memset(&d->picture, 0, sizeof d->picture);
    Dav1dData data;
    memset(&data, 0, sizeof data);
    if (length) {
        uint8_t *copy = dav1d_data_create(&data, length);
        if (!copy) return 3;
        memcpy(copy, bytes, length);
    }
    int bad = 0;
    for (;;) {
        int fed = 0;
        if (data.sz) {
            const int status = dav1d_send_data(d->context, &data);
            if (status == 0) {
                fed = 1;
            } else if (status != DAV1D_ERR(EAGAIN)) {
                bad = status == DAV1D_ERR(ENOMEM) || status == DAV1D_ERR(ERANGE) ? 3 : 2;
                break;
            }
        }
        Dav1dPicture picture;
        memset(&picture, 0, sizeof picture);
        const int status = dav1d_get_picture(d->context, &picture);
        if (status == 0) {
            if (d->has_picture) dav1d_picture_unref(&d->picture);
            d->picture = picture;
            d->has_picture = 1;
        } else if (status != DAV1D_ERR(EAGAIN)) {
            bad = status == DAV1D_ERR(ENOMEM) || status == DAV1D_ERR(ERANGE) ? 3 : 2;
            break;
        } else if (!fed) {
            // Nothing to take and nothing more to give.
            if (data.sz) bad = 2;
            break;
        }
    }
    if (data.sz) dav1d_data_unref(&data);
    if (bad) return bad;
    if (!d->has_picture) return 1;
    fill(&d->picture, out);
    return 0;
}
