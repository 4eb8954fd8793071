use super::*;
use proptest::prelude::*;

const SPACES: &str = r#"xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:r="http://ns.adobe.com/xap/1.0/rights/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
 xmlns:GPano="http://ns.google.com/photos/1.0/panorama/""#;

fn packet(inner: &str) -> Vec<u8> {
    format!(
        "<?xpacket begin='\u{feff}' id='W5M0MpCehiHzreSzNTczkc9d'?>\n<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n \
         <rdf:RDF {SPACES}>\n{inner}</rdf:RDF>\n</x:xmpmeta>\n{}<?xpacket end='w'?>",
        " ".repeat(200)
    )
    .into_bytes()
}

fn photo() -> Vec<u8> {
    packet(
        "<rdf:Description rdf:about='' xmp:CreateDate='2024-05-06T07:08:09' xmp:CreatorTool='Some &quot;Tool&quot;'
           tiff:Orientation='6' exif:GPSLatitude='52,30N'>
           <dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>(c) A &amp; B &#169;</rdf:li></rdf:Alt></dc:rights>
           <dc:creator><rdf:Seq><rdf:li>A. Person</rdf:li></rdf:Seq></dc:creator>
           <dc:subject><rdf:Bag><rdf:li>a secret</rdf:li></rdf:Bag></dc:subject>
         </rdf:Description>
         <rdf:Description rdf:about='' r:WebStatement='https://example.org/?a=1&amp;b=2'/>",
    )
}

fn all(block: &[u8]) -> Vec<MetadataItem> {
    let mut v = Vec::new();
    items(block, &mut |i| v.push(i));
    v.sort();
    v
}

fn names(block: &[u8]) -> Vec<(Kind, String)> {
    all(block).iter().map(MetadataItem::label).collect()
}

fn check(block: &[u8]) {
    let want: Vec<_> = all(block).into_iter().filter(|i| i.kind.is_display()).collect();
    let shown = display(block);
    assert_eq!(shown.as_deref().map(all).unwrap_or_default(), want, "{:?}", shown.map(String::from_utf8));
    assert_eq!(shown.as_deref().and_then(display), shown, "a second time changes nothing");
}

#[test]
fn rights_time_and_orientation_stay() {
    let want = [
        (Kind::Orientation, "tiff:Orientation"),
        (Kind::Rights, "dc:creator"),
        (Kind::Rights, "dc:rights"),
        (Kind::Rights, "xmpRights:WebStatement"),
        (Kind::CaptureTime, "xmp:CreateDate"),
        (Kind::Gps, "xmp-gps"),
        (Kind::Xmp, "xmp"),
    ];
    assert_eq!(names(&photo()), want.map(|(k, n)| (k, n.to_string())));
    check(&photo());
    assert_eq!(orientation(&photo()), Some(6));
    let shown = String::from_utf8(display(&photo()).unwrap()).unwrap();
    assert!(!shown.contains("secret") && !shown.contains("52,30") && !shown.contains("Tool"), "{shown}");
    assert!(shown.contains("(c) A &amp; B ©"), "{shown}");
}

#[test]
fn how_it_is_written_does_not_matter() {
    let attribute = packet("<rdf:Description tiff:Orientation='3'/>");
    let element = packet("<rdf:Description><tiff:Orientation>3</tiff:Orientation></rdf:Description>");
    assert_eq!(all(&attribute), all(&element));
    let cdata =
        packet("<rdf:Description><tiff:Orientation><![CDATA[3]]></tiff:Orientation></rdf:Description>");
    assert_eq!(all(&attribute), all(&cdata));
    assert_eq!(display(&attribute), display(&cdata));
    let bare = packet("<rdf:Description tiff:Orientation='3' tiff:Make='x'/>");
    let bare = String::from_utf8(bare).unwrap().replace("xmlns:tiff", "xmlns:t").replace("tiff:", "t:");
    assert_eq!(all(bare.as_bytes())[0], all(&attribute)[0]);
}

#[test]
fn nothing_to_keep_is_nothing() {
    let tool = packet("<rdf:Description xmp:CreatorTool='x'/>");
    assert_eq!((names(&tool), display(&tool)), (vec![(Kind::Xmp, "xmp".into())], None));
    let empty = packet("<rdf:Description rdf:about=''/>");
    assert_eq!((names(&empty), display(&empty)), (vec![], None));
}

fn directory(entries: &[&str]) -> Vec<u8> {
    let list: String = entries
        .iter()
        .map(|s| format!("<rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='{s}' Item:Length='9'/></rdf:li>"))
        .collect();
    packet(&format!(
        "<rdf:Description hdrgm:Version='1.0' GCamera:MotionPhoto='1'><Container:Directory><rdf:Seq>{list}</rdf:Seq>\
         </Container:Directory></rdf:Description>"
    ))
}

#[test]
fn a_gain_map_stays_and_a_film_goes() {
    let hdr = directory(&["Primary", "GainMap"]);
    assert!(has_gain_map(&hdr));
    let labels = names(&hdr);
    assert!(labels.contains(&(Kind::GainMap, "Container:Directory".into())), "{labels:?}");
    assert!(labels.contains(&(Kind::GainMap, "hdrgm:Version".into())));
    check(&hdr);

    let both = directory(&["Primary", "GainMap", "MotionPhoto"]);
    assert!(has_motion_photo(&both));
    let shown = display(&both).unwrap();
    assert!(has_gain_map(&shown) && !has_motion_photo(&shown));
    assert_eq!(shown, display(&hdr).unwrap());

    let film = directory(&["Primary", "MotionPhoto"]);
    assert!(names(&film).contains(&(Kind::MotionPhoto, "xmp-motion-photo".into())));
    assert!(!String::from_utf8(display(&film).unwrap()).unwrap().contains("Directory"));
    check(&film);
}

#[test]
fn panoramas_keep_their_projection() {
    let pano = packet(
        "<rdf:Description GPano:ProjectionType='equirectangular' GPano:StitchingSoftware='x' GPano:FullPanoWidthPixels='9'/>",
    );
    assert!(names(&pano).contains(&(Kind::Orientation, "GPano:ProjectionType".into())));
    check(&pano);
    assert_eq!(orientation(&pano), None);
    assert!(!String::from_utf8(display(&pano).unwrap()).unwrap().contains("Stitching"));
}

#[test]
fn what_is_not_well_formed_is_opaque() {
    let bomb =
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&a;</x:xmpmeta>".to_vec();
    let deep = packet(&"<rdf:Description>".repeat(5000));
    let unbound = packet("<rdf:Description nobody:knows='1' tiff:Orientation='6'/>");
    let twice = packet("<rdf:Description tiff:Orientation='6' tiff:Orientation='3'/>");
    let entity = packet("<rdf:Description><dc:rights>&nbsp;</dc:rights></rdf:Description>");
    let open = packet("<rdf:Description>");
    let no_rdf = b"<a/>".to_vec();
    for (i, p) in
        [bomb, deep, unbound, twice, entity, open, no_rdf, b"\xff\xfe<".to_vec(), vec![]].iter().enumerate()
    {
        assert_eq!(names(p), [(Kind::Xmp, "xmp".into())], "{i}");
        assert_eq!(display(p), None, "{i}");
    }
}

#[test]
fn a_packet_costs_what_its_length_says() {
    let started = std::time::Instant::now();
    let names: String = (0..40_000).map(|i| format!(" xmlns:p{i}='u{i}' p{i}:a='1'")).collect();
    let attributes: String = (0..40_000).map(|i| format!(" tiff:A{i}='1'")).collect();
    let text = "&#65;".repeat(100_000);
    for inner in [
        format!("<rdf:Description{names}/>"),
        format!("<rdf:Description{attributes}/>"),
        format!("<rdf:Description><dc:rights>{text}</dc:rights></rdf:Description>"),
        "<rdf:Description/>".repeat(100_000),
    ] {
        check(&packet(&inner));
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(data: Vec<u8>) {
        check(&data);
    }

    #[test]
    fn any_text_in_a_packet_gets_an_answer(text in "[<>/&;#a-z0-9:='\" \r\n\t\u{85}\u{2028}]{0,60}") {
        check(&packet(&text));
        check(&packet(&format!("<rdf:Description><dc:rights>{text}</dc:rights></rdf:Description>")));
        check(&packet(&format!("<rdf:Description tiff:Artist=\"{text}\"/>")));
    }

    #[test]
    fn a_flipped_photo_gets_an_answer(at in 0usize..4000, bits: u8) {
        let mut block = photo();
        let len = block.len();
        block[at % len] ^= bits;
        check(&block);
    }
}
