//! From one GPU to another: who has the guest's buffer draws it into plain rows, which all can read.

use super::{Composer, Engine, Workshop};
use crate::clock::Time;
use crate::frame::{Dmabuf, Scanout};
use crate::pixel::{Format, Modifier};
use crate::present::file;
use crate::present::gpu::{Allocator, Gpu, Wanted};
use crate::present::ladder::Reason;
use crate::present::owner::{self, Node, Places};
use crate::present::scene::Need;

impl Composer {
    /// Finds the GPU that has a scanout's buffer, if the compositor takes what it would make of it.
    pub(super) fn check_bridge(
        &mut self,
        scanout: &Scanout,
        need: Need,
        shop: Workshop<'_>,
    ) -> Result<(), Reason> {
        let dmabuf = match scanout {
            Scanout::Blank | Scanout::Pixels(_) => return Err(Reason::Messages),
            Scanout::Mapped(_) => return Err(Reason::SharedMemory),
            Scanout::Dmabuf(dmabuf) => dmabuf,
        };
        let formats = shop.offer.dmabuf.as_ref().ok_or(Reason::NoDmabuf)?;
        let format = Format::Xrgb8888.fourcc();
        if formats.fit(format, Modifier::LINEAR).is_none() {
            return Err(Reason::DmabufFormat(format, Modifier::LINEAR));
        }
        if !dmabuf.planes().iter().all(|plane| file::is_dmabuf(&plane.fd)) {
            return Err(Reason::NoBuffer);
        }
        if let Engine::Open(gpu, _) = &mut self.engine
            && let Ok(new) = gpu.import(dmabuf, shop.now)
        {
            self.imported += u32::from(new);
            return Ok(());
        }
        // Who asks for a bridge gets one, also from a GPU to itself.
        let composing = formats.main.filter(|_| need != Need::Drawn);
        let exporter = dmabuf.planes().first().and_then(|plane| owner::exporter(&plane.fd));
        let nodes = Places::default().nodes();
        let mut failed = Reason::NoOwner;
        for node in owner::order(&nodes, exporter.as_deref(), composing) {
            match open(node, dmabuf, shop.now) {
                Ok(engine) => {
                    tracing::info!(node = %node.path.display(), ?exporter, "a GPU takes the guest's buffer");
                    self.retire_set();
                    (self.engine, self.plain) = (engine, false);
                    self.imported += 1;
                    return Ok(());
                }
                Err(reason) => failed = reason,
            }
        }
        Err(failed)
    }
}

/// Opens a GPU that imports the buffer; what it merely says that it imports is not believed.
fn open(node: &Node, dmabuf: &std::sync::Arc<Dmabuf>, now: Time) -> Result<Engine, Reason> {
    let mut gpu = Gpu::open(Wanted::Node(&node.path))?;
    gpu.import(dmabuf, now)?;
    let allocator = Allocator::open(&node.path)?;
    Ok(Engine::Open(Box::new(gpu), Some(allocator)))
}
