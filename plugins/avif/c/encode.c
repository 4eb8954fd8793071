// libaom behind one flat function: its public structs differ between versions, so they are filled in here, by the
// headers that the library came with, and never cross into Rust. One picture in, one key frame out.

#include <aom/aom_encoder.h>
#include <aom/aomcx.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// 3.12.0 and newer; the build script tells, since the tunes are no macros.
#ifndef SQ_HAVE_IQ
#define SQ_HAVE_IQ 0
#endif

struct sq_encode {
    uint32_t width, height;
    uint32_t layout;  // 0: 4:0:0, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4
    uint32_t depth;   // 8, 10 or 12
    uint32_t full_range, primaries, transfer, matrix, chroma_position;
    uint32_t cq;      // 0 to 63
    uint32_t speed;   // 0 to 9
    uint32_t lossless;
    uint32_t tune;    // 0: PSNR, 1: what looks best
    uint32_t screen;  // text and drawings
    // Samples of 16 bit in planes without padding.
    const uint16_t *planes[3];
};

const char *sq_aom_version(void) { return aom_codec_version_str(); }

int sq_aom_has_iq(void) { return SQ_HAVE_IQ; }

static int fail(char *text, size_t size, const char *what, aom_codec_ctx_t *codec) {
    const char *detail = codec ? aom_codec_error_detail(codec) : NULL;
    snprintf(text, size, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    return 1;
}

static void copy_plane(const struct sq_encode *e, aom_image_t *image, int plane) {
    const uint32_t sub_x = plane && (e->layout == 1 || e->layout == 2), sub_y = plane && e->layout == 1;
    const uint32_t width = (e->width + sub_x) >> sub_x, height = (e->height + sub_y) >> sub_y;
    for (uint32_t y = 0; y < height; y++) {
        const uint16_t *from = e->planes[plane] + (size_t)y * width;
        unsigned char *to = image->planes[plane] + (size_t)y * (size_t)image->stride[plane];
        if (image->fmt & AOM_IMG_FMT_HIGHBITDEPTH) {
            memcpy(to, from, (size_t)width * 2);
        } else {
            for (uint32_t x = 0; x < width; x++) to[x] = (unsigned char)from[x];
        }
    }
}

// Takes over what the encoder has; the answer is 0 without memory.
static int take(aom_codec_ctx_t *codec, uint8_t **out, size_t *length) {
    aom_codec_iter_t iter = NULL;
    const aom_codec_cx_pkt_t *packet;
    while ((packet = aom_codec_get_cx_data(codec, &iter))) {
        if (packet->kind != AOM_CODEC_CX_FRAME_PKT) continue;
        uint8_t *grown = realloc(*out, *length + packet->data.frame.sz);
        if (!grown) return 0;
        memcpy(grown + *length, packet->data.frame.buf, packet->data.frame.sz);
        *out = grown;
        *length += packet->data.frame.sz;
    }
    return 1;
}

// Encodes with one thread. `*out` is the caller's, to be given to sq_encoded_free. 0 is success; else `text` says why.
int sq_encode(const struct sq_encode *e, uint8_t **out, size_t *length, char *text, size_t text_size) {
    static const aom_img_fmt_t formats[4] = {AOM_IMG_FMT_I420, AOM_IMG_FMT_I420, AOM_IMG_FMT_I422, AOM_IMG_FMT_I444};
    *out = NULL;
    *length = 0;
    aom_codec_iface_t *iface = aom_codec_av1_cx();
    aom_codec_enc_cfg_t cfg;
    if (aom_codec_enc_config_default(iface, &cfg, AOM_USAGE_ALL_INTRA) != AOM_CODEC_OK)
        return fail(text, text_size, "libaom has no defaults for stills", NULL);
    // Profile 0 is 4:0:0 and 4:2:0, 1 is 4:4:4, 2 is 4:2:2 and 12 bit.
    cfg.g_profile = e->depth == 12 || e->layout == 2 ? 2 : e->layout == 3 ? 1 : 0;
    cfg.g_w = e->width;
    cfg.g_h = e->height;
    cfg.g_bit_depth = (aom_bit_depth_t)e->depth;
    cfg.g_input_bit_depth = e->depth;
    cfg.g_threads = 1;
    cfg.g_limit = 1;
    cfg.g_lag_in_frames = 0;
    cfg.monochrome = e->layout == 0;
    cfg.rc_end_usage = AOM_Q;
    cfg.rc_min_quantizer = 0;
    cfg.rc_max_quantizer = e->lossless ? 0 : 63;
    // A sequence header that says it is of a still.
    cfg.full_still_picture_hdr = 0;
    cfg.kf_mode = AOM_KF_DISABLED;
    cfg.kf_max_dist = 0;

    aom_codec_ctx_t codec;
    memset(&codec, 0, sizeof codec);
    const aom_codec_flags_t flags = e->depth > 8 ? AOM_CODEC_USE_HIGHBITDEPTH : 0;
    if (aom_codec_enc_init(&codec, iface, &cfg, flags) != AOM_CODEC_OK)
        return fail(text, text_size, "libaom refuses the picture", &codec);

    int bad = 0;
#define SET(name, value) bad |= aom_codec_control(&codec, name, value) != AOM_CODEC_OK
    SET(AOME_SET_CPUUSED, (int)e->speed);
    SET(AV1E_SET_ROW_MT, 0u);
    SET(AV1E_SET_COLOR_RANGE, (int)e->full_range);
    SET(AV1E_SET_COLOR_PRIMARIES, (int)e->primaries);
    SET(AV1E_SET_TRANSFER_CHARACTERISTICS, (int)e->transfer);
    SET(AV1E_SET_MATRIX_COEFFICIENTS, (int)e->matrix);
    SET(AV1E_SET_CHROMA_SAMPLE_POSITION, (int)e->chroma_position);
    if (e->lossless) {
        SET(AV1E_SET_LOSSLESS, 1u);
    } else {
#if SQ_HAVE_IQ
        // Sets quantization matrices, sharpness, chroma offsets and variance boost.
        if (e->tune) SET(AOME_SET_TUNING, AOM_TUNE_IQ);
#else
        if (e->tune) SET(AOME_SET_TUNING, AOM_TUNE_SSIM);
#endif
        SET(AOME_SET_CQ_LEVEL, (unsigned)e->cq);
        if (e->screen) {
            // Palettes and copies of blocks; the tuning's variance boost and sharpness only cost bytes here.
            SET(AV1E_SET_TUNE_CONTENT, AOM_CONTENT_SCREEN);
            SET(AV1E_SET_DELTAQ_MODE, 0u);
            SET(AOME_SET_SHARPNESS, 0u);
        }
    }
#undef SET
    aom_image_t image;
    memset(&image, 0, sizeof image);
    const aom_img_fmt_t format = formats[e->layout & 3] | (e->depth > 8 ? AOM_IMG_FMT_HIGHBITDEPTH : 0);
    int status = 0;
    if (bad) {
        status = fail(text, text_size, "libaom does not know an option", &codec);
    } else if (!aom_img_alloc(&image, format, e->width, e->height, 32)) {
        status = fail(text, text_size, "no memory for libaom's picture", NULL);
    } else {
        image.bit_depth = e->depth;
        image.monochrome = e->layout == 0;
        image.range = e->full_range ? AOM_CR_FULL_RANGE : AOM_CR_STUDIO_RANGE;
        image.cp = (aom_color_primaries_t)e->primaries;
        image.tc = (aom_transfer_characteristics_t)e->transfer;
        image.mc = (aom_matrix_coefficients_t)e->matrix;
        image.csp = (aom_chroma_sample_position_t)e->chroma_position;
        const int planes = e->layout == 0 ? 1 : 3;
        for (int plane = 0; plane < planes; plane++) copy_plane(e, &image, plane);
        for (int plane = planes; plane < 3; plane++) {
            // Not coded, but libaom looks at it.
            const size_t size = (size_t)image.stride[plane] * ((image.d_h + image.y_chroma_shift) >> image.y_chroma_shift);
            memset(image.planes[plane], e->depth > 8 ? 0 : 128, size);
        }
        if (aom_codec_encode(&codec, &image, 0, 1, 0) != AOM_CODEC_OK) {
            status = fail(text, text_size, "libaom cannot encode", &codec);
        } else if (!take(&codec, out, length) || aom_codec_encode(&codec, NULL, 0, 1, 0) != AOM_CODEC_OK ||
                   !take(&codec, out, length)) {
            status = fail(text, text_size, "libaom cannot finish", &codec);
        } else if (*length == 0) {
            status = fail(text, text_size, "libaom gave nothing", NULL);
        }
    }
    aom_img_free(&image);
    aom_codec_destroy(&codec);
    if (status) {
        free(*out);
        *out = NULL;
        *length = 0;
    }
    return status;
}

void sq_encoded_free(uint8_t *out) { free(out); }
