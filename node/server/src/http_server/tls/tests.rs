use std::path::PathBuf;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::*;

/// Files of a server in a folder of their own, which goes with this.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("fanfare-tls-unit-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let files = Self(folder);
        files.renew();
        files
    }

    fn renew(&self) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(self.options().certificate, cert.pem()).expect("a file");
        std::fs::write(self.options().key, signing_key.serialize_pem()).expect("a file");
    }

    fn options(&self) -> TlsOptions {
        TlsOptions {
            certificate: self.0.join("certificate.pem"),
            key: self.0.join("key.pem"),
            ..TlsOptions::default()
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fault(options: &TlsOptions) -> String {
    options.check().expect_err("a fault").to_string()
}

#[test]
fn a_fault_names_its_file() {
    let files = Files::new("faults");
    let options = files.options();
    options.check().expect("they belong together");
    let elsewhere = |name: &str| files.0.join(name);
    let broken = elsewhere("broken.pem");

    let absent = TlsOptions { certificate: elsewhere("absent.pem"), ..options.clone() };
    assert!(fault(&absent).starts_with(&format!("cannot read {}: ", absent.certificate.display())));
    let swapped = TlsOptions { certificate: options.key.clone(), ..options.clone() };
    assert_eq!(fault(&swapped), format!("{}: holds no certificate in PEM", options.key.display()));
    let swapped = TlsOptions { key: options.certificate.clone(), ..options.clone() };
    let expected =
        format!("{}: holds no private key (it must not be encrypted) in PEM", options.certificate.display());
    assert_eq!(fault(&swapped), expected);
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("a file");
    let nonsense = TlsOptions { certificate: broken.clone(), ..options.clone() };
    assert!(fault(&nonsense).starts_with(&format!("{}: ", broken.display())), "{}", fault(&nonsense));
    let nonsense = TlsOptions { client_ca: Some(broken.clone()), ..options.clone() };
    assert!(fault(&nonsense).starts_with(&format!("{}: ", broken.display())), "{}", fault(&nonsense));
    let other = Files::new("others");
    let mixed = TlsOptions { key: other.options().key, ..options.clone() };
    let expected =
        format!("{}: is not the key of {}", other.options().key.display(), options.certificate.display());
    assert_eq!(fault(&mixed), expected);
}

#[test]
fn what_cannot_be_used_leaves_what_is_in_force() {
    let (files, metrics) = (Files::new("kept"), Metrics::default());
    let tls = Tls::load(&files.options()).expect("they can be used");
    let before = tls.current();
    std::fs::write(files.options().key, "nothing").expect("a file");
    tls.reload(&metrics).expect_err("that is not a key");
    assert!(Arc::ptr_eq(&before, &tls.current()));
    assert_eq!((metrics.tls_reloads.get(), metrics.tls_reload_failures.get()), (0, 1));
    files.renew();
    tls.reload(&metrics).expect("they can be used");
    assert!(!Arc::ptr_eq(&before, &tls.current()));
    assert_eq!((metrics.tls_reloads.get(), metrics.tls_reload_failures.get()), (1, 1));
}

/// Kubernetes exchanges a link to a folder, and what lies there may be as old and as long as what lay here.
#[test]
fn a_link_that_leads_elsewhere_is_a_change() {
    let files = Files::new("links");
    let link = files.0.join("link.pem");
    let options = TlsOptions { certificate: link.clone(), ..files.options() };
    std::os::unix::fs::symlink(files.options().certificate, &link).expect("a link");
    let before = stamps(&options);
    assert_eq!(stamps(&options), before);
    let other = files.0.join("other.pem");
    std::fs::copy(files.options().certificate, &other).expect("a file");
    std::fs::remove_file(&link).expect("it is there");
    assert_ne!(stamps(&options), before, "a file that is gone has changed");
    std::os::unix::fs::symlink(other, &link).expect("a link");
    assert_ne!(stamps(&options), before);
}
