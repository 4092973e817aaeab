//! `ImageCommand`: the commands on images, one variant and one store call each.
use crate::{
    actors::{
        command_actor::{Command, submit_then_reply},
        error::Reply,
        mailbox::Permit,
    },
    domain::{Image, ImageId, MemberId, Outcome, Receipt},
    storage::{Committed, ImageStore},
};
use std::sync::Arc;

/// A command on images. Its reply is sent when its commit is durable, with the position of it.
pub(super) enum ImageCommand {
    /// Stores the row of a new image, with its receipt.
    CreateImage { image: Box<Image>, receipt: Option<Receipt>, reply: Reply<Committed<Outcome>> },
    /// Deletes the row of an owner's image.
    DeleteImage { owner: MemberId, id: ImageId, reply: Reply<Committed<()>> },
}

impl Command for ImageCommand {
    type State = Arc<dyn ImageStore>;

    async fn run(self, images: &Self::State, permit: Permit) {
        let images = images.clone();
        match self {
            Self::CreateImage { image, receipt, reply } => {
                let create = async move { Ok(images.create_image(*image, receipt).await?) };
                submit_then_reply(permit, reply, create).await;
            }
            Self::DeleteImage { owner, id, reply } => {
                let delete = async move { Ok(images.delete_image(owner, id).await?) };
                submit_then_reply(permit, reply, delete).await;
            }
        }
    }
}
